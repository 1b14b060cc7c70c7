# By whom messages go: senders, where and how fast they may be used; when
# advertisements go, by the clocks of who gets them; what it would cost.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use POSIX qw(strftime);
use Sms;

my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    $s->print(Pando::Elsewhere::answer(200, '{}', 'Content-Type' => 'application/json'));
});
my $t = Sms->new(workers => 2, to => [$web], set => { captured => 'accepted', currency => 'EUR',
    rates => 'USD=0.5' });
my $p = $t->{p};
my $none = $Pando::Routes::NOBODY;


# senders

my $all = 'POST /sms/senders';
my $one = 'PATCH /sms/senders/{id}';
my $m = $t->sent(sender => 'ANYONE');
$t->ends($m, 'accepted', 'who has no senders uses whatever it likes');
my $de = $t->works($t->post('/sms/senders', { sender => 'GROVE', kind => 'alphanumeric',
    countries => ['DE'], default_for => [qw(transactional marketing)] }), $all, 201);
is_deeply [ @$de{qw(sender two_way per_second)}, @{ $de->{countries} } ],
    [ 'GROVE', JSON::PP::false, undef, 'DE' ], 'a sender';
my $num = $t->works($t->post('/sms/senders', { sender => '+1 201 555 0100', kind => 'number' }),
    $all, 201);
is "$num->{sender} $num->{two_way}", '+12015550100 1', 'a number, in one form';
my $wide = $t->works($t->post('/sms/senders', { sender => '12345', kind => 'short_code',
    default_for => ['transactional'] }), $all, 201);
$t->fails($t->post('/sms/senders', { sender => 'GROVE', kind => 'alphanumeric' }), $all,
    'sender_taken', '/sender');
for ([ number => '123' ], [ number => 'me there' ], [ alphanumeric => '12345' ],
     [ alphanumeric => 'twelve chars' ], [ alphanumeric => "Gr\x{fc}n" ],
     [ short_code => '12a' ], [ short_code => '123456789' ]) {
    $t->fails($t->post('/sms/senders', { kind => $_->[0], sender => $_->[1] }), $all,
        'sender_invalid', '/sender', "no $_->[0]: " . $_->[1] =~ s/[^ -~]/?/gr);
}
is $t->post('/sms/senders', { sender => 'X1Y', kind => 'alphanumeric', countries => ['Germany'] })
    ->{status}, 422, 'countries are countries';
$t->works($t->get('/sms/senders'), 'GET /sms/senders', 200);
$t->works($t->get("/sms/senders/$de->{id}"), 'GET /sms/senders/{id}', 200);
$t->fails($t->get("/sms/senders/$none"), 'GET /sms/senders/{id}', 'not_found');
is $t->get("/sms/senders/$de->{id}", token => $Sms::OTHER)->{status}, 404, 'another tenant';
$num = $t->works($t->patch("/sms/senders/$num->{id}", { countries => ['US'], per_second => 1 },
    'If-Match' => '"v1"'), $one, 200);
is "$num->{per_second} @{ $num->{countries} } @{ $num->{default_for} }", '1 US ', 'changed';
$t->fails($t->patch("/sms/senders/$num->{id}", {}, 'If-Match' => '"v1"'), $one,
    'precondition_failed');
$t->fails($t->patch("/sms/senders/$none", {}), $one, 'not_found');
$num = $t->patch("/sms/senders/$num->{id}", { per_second => undef })->json;
is $num->{per_second}, undef, 'without a limit again';

# which one a message goes by

is $t->message($t->sent)->{sender}, 'GROVE', 'where none is named, that of the country';
is $t->message($t->sent(to => '+12025550123'))->{sender}, '12345', 'or that of all of them';
is $t->message($t->sent(lane => 'otp'))->{sender}, undef, 'or none, in a lane that has none';
my $send = 'POST /sms/messages';
$t->fails($t->post('/sms/messages', { to => $Sms::TO, body => 'x', sender => $_ }), $send,
    'sender_not_allowed', '/sender', "not by $_") for 'ANYONE', '+12015550100';
is $t->message($t->sent(sender => '12345'))->{sender}, '12345', 'but by one that may';
is $t->post('/sms/messages/batch', { messages => [ { to => $Sms::TO, body => 'x',
    sender => 'ANYONE' } ] })->json->{data}[0]{error}, 'sender_not_allowed', 'in a batch, too';

# no more than it may: ten of one a second, with ten of another beside them

$t->patch("/sms/senders/$wide->{id}", { per_second => 1 });
my @slow = map { $t->sent(sender => '12345', body => "slow $_") } 1 .. 4;
$t->ends($_, 'accepted') for @slow;
my ($took) = $p->sql("select extract(epoch from max(at) - min(at)) from sms.log
    where kind = 'submitted' and message_id = any (?)", [ map { $_->{id} } @slow ]);
ok $took->[0] >= 2, 'four by one that may one a second take three' or diag $took->[0];
is +($p->sql('select max(attempts) from sms.messages where id = any (?)',
    [ map { $_->{id} } @slow ]))[0][0], 1, 'which is no attempt';
$t->fails($t->delete("/sms/senders/$wide->{id}", 'If-Match' => '"v1"'),
    'DELETE /sms/senders/{id}', 'precondition_failed');
$t->works($t->delete("/sms/senders/$_->{id}"), 'DELETE /sms/senders/{id}', 204) for $wide, $num;
$t->fails($t->delete("/sms/senders/$num->{id}"), 'DELETE /sms/senders/{id}', 'not_found');


# what it would cost

my @made;
for ([ a => 3, 'EUR' ], [ b => 4, 'USD' ], [ c => undef, 'EUR' ]) {
    my ($name, $price, $currency) = @$_;
    my $made = $t->post('/sms/providers', { name => $name, kind => 'http', currency => $currency,
        base_url => 'http://127.0.0.1:' . $web->port . "/$name", config => { secret => 'x' } })
        ->json;
    $t->post('/sms/prices/import', { provider_id => $made->{id}, csv => "49,$price" }) if $price;
    $t->post('/sms/routes', { prefix => '49', lane => 'transactional',
        provider_id => $made->{id} });
    push @made, $made->{id};
}

my $e = $t->works($t->post('/sms/estimate', { body => 'a' x 161, to => $Sms::TO }),
    'POST /sms/estimate', 200);
is_deeply [ map { [ $_->{provider_id}, $_->{price} && "$_->{price}{amount} "
    . $_->{price}{currency} ] } @{ $e->{routes} } ],
    [ [ $made[1], '4 EUR' ], [ $made[0], '6 EUR' ], [ $made[2], undef ] ],
    'the price of two parts by each route, the best first';
ok !$e->{captured};
ok $t->post('/sms/estimate', { body => 'x', to => $Sms::TO }, token => $Sms::OTHER)->json
    ->{captured}, 'or nothing, where messages are captured';
is_deeply $t->post('/sms/estimate', { body => 'x', to => $Sms::TO, lane => 'otp' })->json
    ->{routes}, [], 'or no way';
$t->fails($t->post('/sms/estimate', { body => 'x', to => 'me' }), 'POST /sms/estimate',
    'invalid_number', '/to');
$t->fails($t->post('/sms/estimate', { body => "\x{ad}", smart => \1 }), 'POST /sms/estimate',
    'body_missing', '/body', 'nothing is left of a soft hyphen');
is $t->count('messages where provider_id is not null'), 0, 'nothing was sent';
$t->all_provoked('sms_senders.c', 'sms_estimate.c');


# advertisements wait for the hours: of Germany two hours from now, for two

my $hour = (gmtime)[2] + 1;                     # or one more in summer
$p->stop;
$p->configure(conf => $p->default_conf =~ s/(marketing_from_hour) "0"/"$1 " . ($hour + 3) % 24/er
    =~ s/(marketing_to_hour) "24"/"$1 " . ($hour + 5) % 24/er);
$p->start;
$p->sql('delete from sms.routes');
my $ad = $t->sent(lane => 'marketing', to => '+4915123456701');
my $got = $t->message($ad);
is $got->{state}, 'scheduled', 'an advertisement is put off';
my ($wait) = $p->sql('select extract(epoch from next_at - created_at) / 3600,
    extract(minute from next_at) from sms.messages where id = ?', $ad->{id});
ok $wait->[0] > 0.5 && $wait->[0] < 3.1 && $wait->[1] == 0, 'until they begin'
    or diag "@$wait";
is $t->message($t->sent(to => '+4915123456702'))->{send_at}, undef, 'other messages are not';
$p->sql("update sms.messages set next_at = clock_timestamp() where id = ?", $ad->{id});
$p->sql('select sms.wake(tenant_id, lane, id, clock_timestamp()) from sms.messages where id = ?',
    $ad->{id});
$t->waits(sub { ($p->sql('select next_at > clock_timestamp() + interval \'20 min\'
    from sms.messages where id = ?', $ad->{id}))[0][0] }, 'nor does it go when it was queued for '
    . 'so long that they are over');
is $t->message($ad)->{attempts}, 0, 'it was not tried';

done_testing;
