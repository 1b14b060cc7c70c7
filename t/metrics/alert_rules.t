# Alert rules: added, changed, removed, and what is refused.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;

my $t = Gauge->new(workers => 2, server => 'location = /openapi.json { pando_openapi; }');
my $p = $t->{p};
my ($LIST, $POST) = map { "$_ /alert-rules" } qw(GET POST);
my ($GET, $PATCH, $DELETE) = map { "$_ /alert-rules/{id}" } qw(GET PATCH DELETE);
my %slow = (name => 'Slow', measure => 'p95', comparison => '>', threshold => 200);
my %burn = (name => 'Burn', kind => 'burn', measure => 'error_ratio', objective_bp => 9990,
    factor => 14.4, window_s => 3600, short_window_s => 300);


# added

my $r = $t->works($t->post('/alert-rules', \%slow), $POST, 201);
my $one = "/alert-rules/$r->{id}";

is_deeply [ @$r{qw(comparison threshold objective_bp factor service)} ],
    [ '>', 200, undef, undef, undef ], 'as it was said';
is $r->{version}, 1;
is $t->works($t->get($one), $GET, 200)->{name}, 'Slow';

# what is not said is what the document says
my $in = $p->get('/openapi.json')->json->{components}{schemas}{AlertRuleIn}{properties};
my @known = sort grep { exists $in->{$_}{default} } keys %$in;

cmp_ok scalar @known, '>=', 10, 'much of a rule need not be said';
is_deeply [ @$r{@known} ], [ map { $in->{$_}{default} } @known ], 'and is what the document says';

$t->fails($t->post('/alert-rules', \%slow), $POST, 'rule_name_taken', '/name');
is $t->post('/alert-rules', { %slow, group => 'other' })->{status}, 201, 'another group may';
is $t->post('/alert-rules', \%slow, token => $Gauge::OTHER)->{status}, 201, 'another tenant may';
my $burn = $t->works($t->post('/alert-rules', \%burn), $POST, 201);
is $burn->{factor}, 14.4;

for ([ \%slow => comparison => undef ], [ \%slow => threshold => undef ],
     [ \%slow => factor => 2 ], [ \%slow => objective_bp => 9000 ], [ \%slow => kind => 'burn' ],
     [ \%slow => short_window_s => 60 ], [ \%burn => measure => 'p95' ],
     [ \%burn => short_window_s => 3600 ], [ \%burn => factor => undef ],
     [ \%burn => objective_bp => undef ], [ \%burn => threshold => 1 ])
{
    my ($of, @is) = @$_;
    $t->fails($t->post('/alert-rules', { %$of, name => 'x', @is }), $POST, 'condition_invalid',
        '/kind', 'no condition: ' . join ' ', map { $_ // 'null' } @is);
}

for ([ name => '' ], [ name => 'x' x 81 ], [ measure => 'p42' ], [ comparison => '==' ],
     [ threshold => 'x' ], [ window_s => 59 ], [ window_s => 259201 ], [ interval_s => 0 ],
     [ interval_s => 3601 ], [ for_s => -1 ], [ per => 'node' ], [ min_requests => -1 ],
     [ service => '' ], [ route => 'x' x 201 ], [ enabled => 1 ], [ group => 'No Key' ],
     [ labels => [] ], [ labels => { severity => 1 } ], [ labels => { 'a-b' => 'x' } ],
     [ labels => { '' => 'x' } ], [ labels => { '1a' => 'x' } ], [ labels => { alertname => 'x' } ],
     [ labels => { service => 'x' } ], [ labels => { a => 'x' x 201 } ],
     [ labels => { a => undef } ],
     [ labels => { map { ("l$_" => 'x') } 1 .. 17 } ], [ annotations => { a => {} } ],
     [ annotations => { a => 'x' x 2001 } ], [ labels => undef ], [ tenant_id => $r->{id} ],
     [ due_at => '2026-01-01T00:00:00Z' ], [ version => 7 ])
{
    is $t->post('/alert-rules', { %slow, name => 'x', @$_ })->{status}, 422,
        "refused: $_->[0] " . (ref $_->[1] || ($_->[1] // 'null'));
}

is $t->post('/alert-rules', { %burn, name => 'x', objective_bp => 10000 })->{status}, 422,
    'an objective of all is none';


# changed

$r = $t->works($t->patch($one, { threshold => 300, service => 'shop',
    labels => { severity => 'page', team => 'a' } }, 'If-Match' => '"v1"'), $PATCH, 200);
is_deeply [ @$r{qw(threshold service comparison version)} ], [ 300, 'shop', '>', 2 ];
$r = $t->patch($one, { service => undef, labels => { team => undef, tier => '1' },
    annotations => { runbook => 'https://x.example' } })->json;
is $r->{service}, undef, 'null takes away';
is_deeply $r->{labels}, { severity => 'page', tier => '1' }, 'labels are merged';
is $t->patch($one, {})->json->{version}, 4, 'nothing is a change, too';
$t->fails($t->patch($one, { for_s => 1 }, 'If-Match' => '"v1"'), $PATCH, 'precondition_failed');
$t->fails($t->patch($one, { group => 'other' }), $PATCH, 'rule_name_taken', '/name');
$t->fails($t->patch($one, { threshold => undef }), $PATCH, 'condition_invalid', '/kind');
$t->fails($t->patch($one, { factor => 2 }), $PATCH, 'condition_invalid', '/kind');
$t->fails($t->patch($one, { labels => { map { ("l$_" => 'x') } 1 .. 15 } }), $PATCH,
    'too_many_labels', '/labels');
is $t->patch($one, { kind => 'burn' })->{status}, 422, 'a kind stays';
is $t->patch($one, { labels => undef })->{status}, 422;
$t->fails($t->patch("/alert-rules/$Gauge::NOBODY", {}), $PATCH, 'not_found');

my $of_other = $t->get('/alert-rules', token => $Gauge::OTHER)->json->{data}[0];
my %theirs = ($PATCH => sub { $t->patch(@_, {}) }, $GET => sub { $t->get(@_) },
    $DELETE => sub { $t->delete(@_) });
$t->fails($theirs{$_}->("/alert-rules/$of_other->{id}"), $_, 'not_found', undef,
    "another tenant's: $_") for sort keys %theirs;


# listed

sub names { map { $_->{name} } @{ $_[0]{data} } }

is_deeply [ names($t->works($t->get('/alert-rules'), $LIST, 200)) ], [ qw(Burn Slow Slow) ];
is_deeply [ names($t->get('/alert-rules?kind=burn')->json) ], [ 'Burn' ];
is scalar @{ $t->get('/alert-rules?group=other')->json->{data} }, 1;
is scalar @{ $t->get('/alert-rules?enabled=false')->json->{data} }, 0;
$r = $t->get('/alert-rules?limit=2')->json;
is_deeply [ names($t->get("/alert-rules?limit=2&cursor=$r->{next}")->json) ], [ 'Slow' ],
    'in pages';


# removed

$t->fails($t->delete($one, 'If-Match' => '"v1"'), $DELETE, 'precondition_failed');
is $t->delete($one)->{status}, 204;
$t->fails($t->delete($one), $DELETE, 'not_found');
$t->fails($t->get($one), $GET, 'not_found');


# so many and no more

$p->sql("INSERT INTO metrics.rules (tenant_id, \"group\", name, kind, measure, comparison,
        threshold, window_s, per, min_requests, interval_s, for_s, keep_firing_s,
        labels, annotations, enabled)
    SELECT ?, 'many', 'rule ' || n, 'threshold', 'p95', '>', 200, 300, 'all', 0, 30, 0, 0,
           '{}', '{}', false FROM generate_series(1, 498) AS n", $Pando::Token::TENANT);
$t->fails($t->post('/alert-rules', { %slow, name => 'one more' }), $POST, 'too_many_rules');


# whose they are

{
    my $owned = Gauge->new(http => "pando_set metrics.operator $Gauge::NOBODY;");

    $t->fails($owned->get('/alert-rules'), $LIST, 'operator_only');
    $t->fails($owned->post('/alert-rules', \%slow), $POST, 'operator_only');
    $t->fails($owned->get($one), $GET, 'operator_only');
    $t->fails($owned->patch($one, {}), $PATCH, 'operator_only');
    $t->fails($owned->delete($one), $DELETE, 'operator_only');
}

is $t->get('/alert-rules', token => { scope => 'health:read' })->{status}, 403,
    'who may do something else';
is $t->post('/alert-rules', \%slow, token => { scope => 'metrics:write' })->{status}, 403,
    'who may write, but not rules';

$t->all_provoked('metrics_alert_rules.c');
done_testing;
