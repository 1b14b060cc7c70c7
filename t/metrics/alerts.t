# Alerts: they begin, fire and are over, and are told of once; silences.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;
use POSIX qw(strftime);

my $t = Gauge->new(workers => 2);
my $p = $t->{p};
my ($ACK, $GET) = ('POST /alerts/{fingerprint}/acknowledge', 'GET /alerts/{fingerprint}');
my ($LIST, $CHANGES) = ('GET /alerts', 'GET /alerts/{fingerprint}/changes');
my ($HUSH, $HUSHED) = ('POST /alert-silences', 'GET /alert-silences/{id}');
my ($SPEAK, $SILENCES) = ('DELETE /alert-silences/{id}', 'GET /alert-silences');
my %slow = (measure => 'p95', comparison => '>', threshold => 200);

sub at { strftime '%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0]) }
sub bad { $t->history($_[0], 'GET', $_[1] // '/r', 0 => [ 10, 90, 50 ]) }

sub well
{
    $p->sql("DELETE FROM metrics.$_ USING metrics.routes
        WHERE id = route_id AND service = ?", $_[0]) for qw(minutes hours days);
}

sub silence
{
    my ($label, $value, $op) = @_;

    return $t->works($t->post('/alert-silences', { comment => 'at work', ends_at => at(3600),
        matchers => [ { label => $label, op => $op // '=', value => $value } ] }), $HUSH, 201);
}


# It begins, fires and is over

bad('a');
my $rule = $t->rule(%slow, service => 'a', for_s => 2, labels => { severity => 'page' },
    annotations => { summary => 'slow' });
my $alert = $t->alert($rule, 'pending');

ok $alert, 'what has just begun is pending';
is $alert->{fired_at}, undef;
is_deeply [ $t->told($rule) ], [], 'nobody is told yet';
ok $alert = $t->alert($rule, 'firing'), 'after a while it fires';
is_deeply $alert->{labels}, { alertname => $rule->{name}, severity => 'page', service => 'a' };
is_deeply $alert->{annotations}, { summary => 'slow' };
cmp_ok $alert->{value}, '>', 200;
ok $alert->{fired_at} ge $alert->{active_at}, 'it was pending before';
ok $alert->{notified_at}, 'and is told of';
$t->looked($rule, 3);
is_deeply [ $t->told($rule) ], [ 'alert.fired' ], 'once, however often it is looked at';
is $t->works($t->get("/alerts/$alert->{fingerprint}"), $GET, 200)->{name}, $rule->{name};

my ($event) = $p->sql('SELECT data, tenant_id FROM pando.outbox WHERE subject = ?',
    $rule->{id});
my $told = JSON::PP::decode_json($event->[0]);
is_deeply [ @$told{qw(fingerprint state)} ], [ $alert->{fingerprint}, 'firing' ],
    'the event is of it';
is $event->[1], $Pando::Token::TENANT, 'and its tenant\'s';

well('a');
ok $t->alert($rule, 'resolved'), 'what is asked no more is over';
is_deeply [ $t->told($rule) ], [ 'alert.fired', 'alert.resolved' ];
is_deeply [ map { $_->{state} } reverse @{ $t->works(
    $t->get("/alerts/$alert->{fingerprint}/changes"), $CHANGES, 200)->{data} } ],
    [ qw(pending firing resolved) ], 'what became of it';

bad('a');
ok $t->alert($rule, 'firing'), 'it comes again';
is_deeply [ $t->told($rule) ], [ qw(alert.fired alert.resolved alert.fired) ], 'and is told again';


# Acknowledged

$alert = $t->works($t->post("/alerts/$alert->{fingerprint}/acknowledge"), $ACK, 200);
is $alert->{acknowledged_by}, scalar $p->sql('SELECT actor FROM pando.outbox
    WHERE type = ? AND subject = ?', 'alert.acknowledged', $rule->{id}), 'by whom';
is $t->post("/alerts/$alert->{fingerprint}/acknowledge")->json->{acknowledged_at},
    $alert->{acknowledged_at}, 'the first one counts';
is scalar(grep { $_ eq 'alert.acknowledged' } $t->told($rule)), 1, 'and is told';
well('a');
ok $t->alert($rule, 'resolved');
$t->fails($t->post("/alerts/$alert->{fingerprint}/acknowledge"), $ACK, 'alert_resolved');
$t->fails($t->post('/alerts/none/acknowledge'), $ACK, 'not_found');
bad('a');
is $t->alert($rule, 'firing')->{acknowledged_at}, undef, 'another episode is not acknowledged';


# An alert a route

bad('b', "/$_") for 1 .. 3;
my $per = $t->rule(%slow, service => 'b', per => 'route', labels => { team => 'b' });
ok $p->wait_for(sub { grep({ $_->{state} eq 'firing' } $t->alerts($per)) == 3 }),
    'each route that is slow has its own';
is join(' ', sort map { $_->{labels}{route} } $t->alerts($per)), '/1 /2 /3';
$p->sql("DELETE FROM metrics.minutes USING metrics.routes
    WHERE id = route_id AND service = 'b' AND route = '/2'");
ok $p->wait_for(sub { grep { $_->{state} eq 'resolved' } $t->alerts($per) }), 'one is over';
is join(' ', sort map { "$_->{labels}{route} $_->{state}" } $t->alerts($per)),
    '/1 firing /2 resolved /3 firing', 'the others are not';


# Burn rates, and a rule that asks for enough requests

bad('c');
my $burn = $t->rule(kind => 'burn', measure => 'error_ratio', objective_bp => 9990, factor => 14.4,
    window_s => 3600, short_window_s => 300, service => 'c');
my $few = $t->rule(%slow, service => 'c', min_requests => 1000);
ok $alert = $t->alert($burn, 'firing'), 'a budget burns';
is $alert->{value}, 500, 'half of all failed where one of a thousand may';
$t->looked($few, 2);
is_deeply [ $t->alerts($few) ], [], 'too few requests tell nothing';
my $quiet = $t->rule(measure => 'rate', comparison => '<', threshold => 0.001, service => 'nobody');
ok $t->alert($quiet, 'firing'), 'nothing at all is a rate of nothing';


# Changed and removed under its alerts

is $t->patch("/alert-rules/$burn->{id}", { labels => { severity => 'ticket' } })->{status}, 200;
ok $p->wait_for(sub { ($t->alert($burn, 'firing')->{labels}{severity} // '') eq 'ticket' }),
    'what changes of its labels changes on its alert';
is_deeply [ $t->told($burn) ], [ 'alert.fired' ], 'and it is the same one';
is $t->patch("/alert-rules/$burn->{id}", { enabled => \0 })->{status}, 200;
is $t->alert($burn, 'resolved', 0)->{state}, 'resolved', 'a rule that looks no more has no alerts';
is_deeply [ $t->told($burn) ], [ 'alert.fired', 'alert.resolved' ];
is $t->delete("/alert-rules/$quiet->{id}")->{status}, 204;
is $t->alert($quiet, 'resolved', 0)->{state}, 'resolved', 'nor has one that is gone';
is_deeply [ $t->told($quiet) ], [ 'alert.fired', 'alert.resolved' ];


# Silences

bad('d', "/$_") for 1 .. 2;
my $hush = silence(service => 'd');
is $hush->{state}, 'active';
is $t->works($t->get("/alert-silences/$hush->{id}"), $HUSHED, 200)->{comment}, 'at work';
my $calm = $t->rule(%slow, service => 'd');
ok $alert = $t->alert($calm, 'firing'), 'a silenced alert fires';
is $alert->{silenced_by}, $hush->{id}, 'and says why nobody is told';
is $alert->{notified_at}, undef;
$t->looked($calm, 2);
is_deeply [ $t->told($calm) ], [], 'nobody is';
$t->fails($t->delete("/alert-silences/$hush->{id}", 'If-Match' => '"v1"'), $SPEAK,
    'precondition_failed');
is $t->works($t->delete("/alert-silences/$hush->{id}"), $SPEAK, 204), undef;
ok $p->wait_for(sub { $t->told($calm) }), 'when the silence ends, it is told';
is $t->alert($calm, 'firing')->{silenced_by}, undef;

$hush = silence(route => '/n', '^=');
bad('e', $_) for qw(/near /far);
my $partly = $t->rule(%slow, service => 'e', per => 'route');
ok $p->wait_for(sub { grep({ $_->{state} eq 'firing' } $t->alerts($partly)) == 2 });
is_deeply { map { $_->{labels}{route} => $_->{silenced_by} } $t->alerts($partly) },
    { '/near' => $hush->{id}, '/far' => undef }, 'one that begins so, and not the other';
is_deeply [ $t->told($partly) ], [ 'alert.fired' ];

well('e');
ok $p->wait_for(sub { grep({ $_->{state} eq 'resolved' } $t->alerts($partly)) == 2 });
is_deeply [ $t->told($partly) ], [ 'alert.fired', 'alert.resolved' ],
    'what nobody was told of is not told to be over';

is_deeply [ map { $_->{id} } @{ $t->works($t->get('/alert-silences?active=true'), $SILENCES,
    200)->{data} } ], [ $hush->{id} ];
is_deeply $t->get('/alert-silences?active=false')->json->{data}, [];
my $later = $t->post('/alert-silences', { comment => 'x', starts_at => at(60), ends_at => at(120),
    matchers => $hush->{matchers} })->json;
is $later->{state}, 'pending';
is $t->get('/alert-silences?active=false')->json->{data}[0]{id}, $later->{id};

# what matches, by the table
for ([ '=', 'a', 1 ], [ '=', 'b', 0 ], [ '!=', 'b', 1 ], [ '!=', 'a', 0 ], [ '^=', '', 1 ],
     [ '^=', 'ab', 0 ], [ '^=', '%', 0 ])
{
    my ($op, $value, $is) = @$_;
    is scalar $p->sql('SELECT metrics.matches(?, ?)::int', '{"x": "a"}',
        qq([{"label": "x", "op": "$op", "value": "$value"}])), $is, "a $op '$value'";
}
is scalar $p->sql(q(SELECT metrics.matches('{}',
    '[{"label": "x", "op": "=", "value": ""}]')::int)), 1, 'what is not there is empty';

my %sound = (comment => 'x', ends_at => at(60),
    matchers => [ { label => 'a', op => '=', value => 'b' } ]);
$t->fails($t->post('/alert-silences', { %sound, ends_at => at(-1) }), $HUSH, 'silence_past',
    '/ends_at');
$t->fails($t->post('/alert-silences', { %sound, starts_at => at(61) }), $HUSH, 'silence_past',
    '/ends_at');
$t->fails($t->post('/alert-silences', { %sound, ends_at => at(400 * 86400) }), $HUSH,
    'silence_too_long', '/ends_at');
is $t->post('/alert-silences', { %sound, @$_ })->{status}, 422, "refused: $_->[0]"
    for [ matchers => [] ], [ matchers => [ { label => 'a', op => '=~', value => '.*' } ] ],
        [ matchers => [ { label => '', op => '=', value => '' } ] ], [ comment => '' ],
        [ ends_at => 'soon' ], [ matchers => [ (@{ $sound{matchers} }) x 17 ] ],
        [ author => 'x' ];
$t->fails($t->get("/alert-silences/$Gauge::NOBODY"), $HUSHED, 'not_found');
$t->fails($t->delete("/alert-silences/$Gauge::NOBODY"), $SPEAK, 'not_found');


# Whose they are, and lists

my %theirs = (token => $Gauge::OTHER);
$alert = $t->alert($rule, 'firing');
$t->fails($t->get("/alerts/$alert->{fingerprint}", %theirs), $GET, 'not_found');
$t->fails($t->post("/alerts/$alert->{fingerprint}/acknowledge", undef, %theirs), $ACK, 'not_found');
$t->fails($t->get("/alert-silences/$hush->{id}", %theirs), $HUSHED, 'not_found');
$t->fails($t->delete("/alert-silences/$hush->{id}", %theirs), $SPEAK, 'not_found');
is_deeply $t->get($_, %theirs)->json->{data}, [], "$_: nothing"
    for '/alerts', "/alerts/$alert->{fingerprint}/changes", '/alert-silences';
is_deeply $t->get("/alerts/$Gauge::NOBODY/changes")->json->{data}, [];

my $all = $t->works($t->get('/alerts?limit=200'), $LIST, 200)->{data};
my @begins = map { $_->{active_at} } @$all;
my %states = map { $_->{state} => 1 } @{ $t->get('/alerts?state=firing')->json->{data} };

is_deeply \@begins, [ reverse sort @begins ], 'the latest first';
is join(' ', keys %states), 'firing', 'of one state';
is $t->get("/alerts?$_")->{status}, 422, "refused: $_" for qw(state=inactive rule_id=x other=1);


# What is old goes

$p->sql("UPDATE metrics.alerts SET resolved_at = now() - interval '101 days'
    WHERE state = 'resolved' AND rule_id = ?", $burn->{id});
$p->sql("UPDATE metrics.alert_changes SET at = now() - interval '101 days' WHERE id <= 2");
$p->sql("UPDATE metrics.silences SET starts_at = now() - interval '102 days',
    ends_at = now() - interval '101 days' WHERE id = ?", $later->{id});
$p->reload;
ok $p->wait_for(sub { !$p->sql("SELECT
    (SELECT count(*) FROM metrics.alerts WHERE resolved_at < now() - interval '100 days')
    + (SELECT count(*) FROM metrics.alert_changes WHERE at < now() - interval '100 days')
    + (SELECT count(*) FROM metrics.silences WHERE ends_at < now() - interval '100 days')") }),
    'alerts, changes and silences';
ok $p->sql('SELECT count(*) FROM metrics.alert_changes'), 'others stay';

{
    my $owned = Gauge->new(http => "pando_set metrics.operator $Gauge::NOBODY;");

    $t->fails($owned->get('/alerts'), $LIST, 'operator_only');
    $t->fails($owned->get('/alerts/x'), $GET, 'operator_only');
    $t->fails($owned->get('/alerts/x/changes'), $CHANGES, 'operator_only');
    $t->fails($owned->post('/alerts/x/acknowledge'), $ACK, 'operator_only');
    $t->fails($owned->get('/alert-silences'), $SILENCES, 'operator_only');
    $t->fails($owned->get("/alert-silences/$Gauge::NOBODY"), $HUSHED, 'operator_only');
    $t->fails($owned->post('/alert-silences', \%sound), $HUSH, 'operator_only');
    $t->fails($owned->delete("/alert-silences/$Gauge::NOBODY"), $SPEAK, 'operator_only');
}

$t->all_provoked('metrics_alerts.c', 'metrics_silences.c');
done_testing;
