# Providers, routes, prices and opt-outs: what is kept and shown, what is
# refused, and the choice between routes with all of its numbers.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Sms;

my $t = Sms->new(set => { currency => 'EUR', rates => 'USD=0.5 JPY=0.01' });
my $p = $t->{p};
my $none = $Pando::Routes::NOBODY;
my %at = (base_url => 'https://sms.example.com/x');


# providers

my $all = 'POST /sms/providers';
my $one = 'PATCH /sms/providers/{id}';
my $a = $t->works($t->post('/sms/providers', { name => 'A', kind => 'http', %at,
    config => { secret => 'hush' } }), $all, 201);
is_deeply [ @$a{qw(name kind currency per_second enabled)} ],
    [ 'A', 'http', 'EUR', 10, JSON::PP::true ], 'a provider';
unlike $t->get("/sms/providers/$a->{id}")->{body}, qr/hush|config/, 'its secret is not shown';
unlike +($p->sql('select config_ct from sms.providers'))[0][0], qr/hush/, 'nor kept in the clear';

for ([ 'provider_name_taken', '/name', %at, kind => 'http', config => { secret => 'x' } ],
     [ 'config_incomplete', '/base_url', kind => 'http', config => { secret => 'x' } ],
     [ 'config_incomplete', '/config/secret', kind => 'http', %at ],
     [ 'config_incomplete', '/config/secret', kind => 'http', %at, config => { secret => '' } ],
     [ 'config_incomplete', '/config/x', kind => 'http', %at,
       config => { secret => 'x', x => 1 } ],
     [ 'config_incomplete', '/config/auth_token', kind => 'twilio',
       config => { account_sid => 'AC' } ],
     [ 'config_incomplete', '/config/api_id', kind => 'smsru' ],
     [ 'config_incomplete', '/base_url', kind => 'kannel' ],
     [ 'address_not_public', '/base_url', kind => 'http', base_url => 'http://10.0.0.1/',
       config => { secret => 'x' } ]) {
    my ($code, $where, %set) = @$_;
    $t->fails($t->post('/sms/providers', { name => 'A', %set }), $all, $code, $where);
}

$a = $t->works($t->patch("/sms/providers/$a->{id}", { per_second => 5 },
    'If-Match' => qq("v$a->{version}")), $one, 200);
is $a->{per_second}, 5, 'changed';
$t->fails($t->patch("/sms/providers/$a->{id}", { per_second => 5 }, 'If-Match' => '"v1"'), $one,
    'precondition_failed');
$t->fails($t->patch("/sms/providers/$a->{id}", { base_url => 'http://10.0.0.1/' }), $one,
    'address_not_public', '/base_url');
$t->fails($t->patch("/sms/providers/$a->{id}", { config => {} }), $one, 'config_incomplete',
    '/config/secret');
my $b = $t->post('/sms/providers', { name => 'B', kind => 'twilio', currency => 'USD',
    config => { account_sid => 'AC1', auth_token => 'x', from => '+12015550100' } })->json;
$t->fails($t->patch("/sms/providers/$b->{id}", { name => 'A' }), $one, 'provider_name_taken',
    '/name');
$t->works($t->get('/sms/providers'), 'GET /sms/providers', 200);
$t->fails($t->get("/sms/providers/$none"), 'GET /sms/providers/{id}', 'not_found');


# routes

my $routes = 'POST /sms/routes';
my %in = (prefix => '49', lane => 'transactional', provider_id => $a->{id});
my $ra = $t->works($t->post('/sms/routes', \%in), $routes, 201);
is "$ra->{priority} $ra->{floor_bp}", '100 0', 'a route';
$t->fails($t->post('/sms/routes', \%in), $routes, 'route_taken', '/prefix');
$t->fails($t->post('/sms/routes', { %in, provider_id => $none }), $routes, 'unknown_provider',
    '/provider_id');
is $t->post('/sms/routes', { %in, prefix => '+49' })->json->{errors}[0]{pointer}, '/prefix';
my $rb = $t->post('/sms/routes', { %in, provider_id => $b->{id} })->json;
my $wide = $t->post('/sms/routes', { lane => 'transactional',
    provider_id => $a->{id} })->json;
$ra = $t->works($t->patch("/sms/routes/$ra->{id}", { floor_bp => 5000 }),
    'PATCH /sms/routes/{id}', 200);
is $ra->{floor_bp}, 5000;
$t->fails($t->patch("/sms/routes/$ra->{id}", { floor_bp => 1 }, 'If-Match' => '"v1"'),
    'PATCH /sms/routes/{id}', 'precondition_failed');
$t->fails($t->delete("/sms/routes/$ra->{id}", 'If-Match' => '"v1"'),
    'DELETE /sms/routes/{id}', 'precondition_failed');
$t->works($t->get('/sms/routes'), 'GET /sms/routes', 200);
$t->works($t->get("/sms/routes/$ra->{id}"), 'GET /sms/routes/{id}', 200);
$t->fails($t->get("/sms/routes/$none"), 'GET /sms/routes/{id}', 'not_found');


# prices

my $prices = 'POST /sms/prices/import';
is $t->works($t->post('/sms/prices/import', { provider_id => $a->{id},
    csv => "49,9\n4915,3.0\n4915,4,2099-01-01T00:00:00Z\n\n,20" }), $prices, 200)->{prices}, 4,
    'prices';
$t->post('/sms/prices/import', { provider_id => $b->{id}, csv => '49,10' });
for ('49', 'x,1', '49,-1', '49,1.23456', '49,1,soon', '49,1,', "49,1\n1234567890123456,1") {
    my $r = $t->post('/sms/prices/import', { provider_id => $a->{id}, csv => $_ });
    next if $_ eq '49,1,' && $r->{status} == 200;
    $t->fails($r, $prices, 'prices_malformed', '/csv', "no prices: $_");
}
$t->fails($t->post('/sms/prices/import', { provider_id => $none, csv => '49,1' }), $prices,
    'unknown_provider', '/provider_id');
$t->post('/sms/prices/import', { provider_id => $a->{id}, csv => '49,9' });


# the choice: 3 cents at 600 of 1000 against 10 US cents, which are 5, at 970

sub choice
{
    my (%set) = @_;
    return $t->works($t->post('/sms/routes/simulate', { to => $Sms::TO, %set }),
                     'POST /sms/routes/simulate', 200)->{data};
}

is_deeply [ map { $_->{route_id} } @{ choice() } ], [ $ra->{id}, $rb->{id} ],
    'with nothing known the cheap one, and only those of the longest prefix';
$p->sql("insert into sms.route_stats (route_id, tenant_id, hour, sent, delivered, failed, late)
    values (?, ?, date_trunc('hour', now()), 1000, ?, ?, '{1,0,0,0,0,0,0,0,0,0}')",
    $_->[0]{id}, $Pando::Token::TENANT, $_->[1], 1000 - $_->[1]) for [ $ra, 600 ], [ $rb, 970 ];
my $c = choice();
is_deeply [ map { $_->{route_id} } @$c ], [ $rb->{id}, $ra->{id} ], 'what arrives counts';
ok abs($c->[0]{score} - 5 / 0.957497) < 1e-3 && abs($c->[1]{score} - 3 / 0.569309) < 1e-3,
    'by the formula' or diag explain $c;
is_deeply [ map { $_->{cost} } @{ choice(segments => 2) } ], [ 10, 6 ], 'of all parts';
is_deeply [ map { "$_->{delivered} $_->{p95_s}" } @$c ], [ '970 1', '600 1' ];

# a code: (3 + 1) / (0.5693 * 1/600 of codes typed in) against (5 + 1) / (0.9575 * 485/970)

my @otp = map { $t->post('/sms/routes', { %in, prefix => '49', lane => 'otp',
    provider_id => $_->{id} })->json } $a, $b;
$p->sql("insert into sms.route_stats (route_id, tenant_id, hour, sent, delivered, failed, late,
    converted) values (?, ?, date_trunc('hour', now()), 1000, ?, ?, '{1,0,0,0,0,0,0,0,0,0}', ?)",
    $_->[0]{id}, $Pando::Token::TENANT, $_->[1], 1000 - $_->[1], $_->[2])
    for [ $otp[0], 600, 0 ], [ $otp[1], 970, 485 ];
my $o1 = choice(lane => 'otp');
is_deeply [ map { $_->{route_id} } @$o1 ], [ map { $_->{id} } @otp[1, 0] ],
    'of codes those that are typed in';
ok abs($o1->[0]{score} - 6 / (0.957497 * 0.5)) < 1e-3, 'by the formula' or diag explain $o1;
is $o1->[0]{conversion}, 0.5, 'half of them';
$t->delete("/sms/routes/$_->{id}") for @otp;

$t->patch("/sms/routes/$ra->{id}", { floor_bp => 6000 });
is_deeply [ map { $_->{route_id} } @{ choice() } ], [ $rb->{id} ], 'what is too bad is not taken';
$p->sql("update sms.windows set down_until = now() + interval '1 hour' where provider_id = ?",
        $b->{id});
ok $t->get("/sms/providers/$b->{id}")->json->{down_until}, 'one that is down';
$t->patch("/sms/routes/$ra->{id}", { floor_bp => 0 });
is_deeply [ map { $_->{route_id} } @{ choice() } ], [ $ra->{id} ], 'is left alone';
$t->patch("/sms/routes/$ra->{id}", { enabled => \0 });
is_deeply [ map { $_->{route_id} } @{ choice() } ], [ $wide->{id} ], 'a shorter prefix is better '
    . 'than none';
is_deeply choice(lane => 'otp'), [], 'each lane has its own';
$t->fails($t->post('/sms/routes/simulate', { to => 'x' }), 'POST /sms/routes/simulate',
    'invalid_number', '/to');
ok $t->post('/sms/routes/simulate', { to => $Sms::TO }, token => $Sms::OTHER)->json->{captured},
    'without routes messages are captured';

my $m = $t->sent(token => $Sms::OTHER);
$p->sql("update sms.messages set provider_id = ?, state = 'accepted' where id = ?", $a->{id},
        $m->{id});
$t->fails($t->delete("/sms/providers/$a->{id}"), 'DELETE /sms/providers/{id}', 'in_use');
$p->sql("update sms.messages set state = 'delivered' where id = ?", $m->{id});
$t->fails($t->delete("/sms/providers/$a->{id}", 'If-Match' => '"v1"'),
    'DELETE /sms/providers/{id}', 'precondition_failed');
$t->works($t->delete("/sms/routes/$_->{id}"), 'DELETE /sms/routes/{id}', 204) for $ra, $rb;
$t->works($t->delete("/sms/providers/$a->{id}"), 'DELETE /sms/providers/{id}', 204);
is $t->get("/sms/providers/$a->{id}")->{status}, 404, 'which is gone';
is_deeply choice(), [], 'and so is what went by it';
$t->works($t->delete("/sms/routes/$wide->{id}"), 'DELETE /sms/routes/{id}', 204);
$t->works($t->post('/sms/providers', { name => 'A', kind => 'captured' }), $all, 201,
    'its name is free');
is $t->get("/sms/providers/$b->{id}", token => $Sms::OTHER)->{status}, 404, 'another tenant';
is $t->post('/sms/routes', { %in, provider_id => $b->{id} }, token => $Sms::OTHER)->{status}, 422;


# opt-outs

my $o = $t->works($t->post('/sms/opt-outs', { number => $Sms::TO }), 'POST /sms/opt-outs', 201);
is_deeply [ @$o{qw(number sender source)} ], [ '+49*********89', undef, 'manual' ], 'an opt-out';
is $t->post('/sms/opt-outs', { number => $Sms::TO })->json->{id}, $o->{id}, 'is there once';
$t->fails($t->post('/sms/opt-outs', { number => 'x' }), 'POST /sms/opt-outs', 'invalid_number',
    '/number');
$t->works($t->get('/sms/opt-outs'), 'GET /sms/opt-outs', 200);
$p->sql("update sms.opt_outs set source = 'keyword'");
my $del = 'DELETE /sms/opt-outs/{id}';
$t->fails($t->delete("/sms/opt-outs/$o->{id}"), $del, 'keyword_stop');
$p->sql("update sms.opt_outs set source = 'manual'");
$t->fails($t->delete("/sms/opt-outs/$o->{id}", 'If-Match' => '"v1"'), $del,
    'precondition_failed');
$t->works($t->delete("/sms/opt-outs/$o->{id}"), $del, 204);
$t->fails($t->delete("/sms/opt-outs/$o->{id}"), $del, 'not_found');
is_deeply [ map { $_->[0] } $p->sql("select type from pando.outbox where type like 'sms.opted%'
    order by seq") ], [qw(sms.opted_out sms.opted_out sms.opted_in)], 'each is told';
unlike +($p->sql("select string_agg(o::text, '') from sms.opt_outs o"))[0][0] // '', qr/23456789/;
$t->all_provoked('sms_providers.c', 'sms_routes.c', 'sms_prices.c', 'sms_opt_outs.c');

done_testing;
