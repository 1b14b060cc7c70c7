# Components: what their state follows from, what a dependency explains, who is
# told what and how often.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Ward;

my $t = Ward->new(workers => 2);
my $p = $t->{p};
my $list = 'GET /service-health';
my $depend = 'PUT /service-health/{component}/dependencies/{target}';
my $part = 'DELETE /service-health/{component}/dependencies/{target}';

sub shown { map { "$_->{component} $_->{status}" . ' flapping' x $_->{flapping} }
    $t->told('component.status_changed') }


# what a check's state makes of its component

for ([ required => pass => 'operational' ], [ required => warn => 'degraded' ],
     [ required => fail => 'major_outage' ], [ important => fail => 'partial_outage' ],
     [ optional => fail => 'degraded' ], [ required => unknown => 'unknown' ])
{
    my ($criticality, $state, $status) = @$_;
    my $id = $t->check('web', criticality => $criticality);
    $t->found($id, $state);
    is $t->states->{web}[0], $status, "$criticality $state: $status";
    $t->delete("/health-checks/$id");
}

is_deeply $t->states, {}, 'a component of which nothing speaks is gone';
$t->told('component.status_changed');
my ($well, $ill) = map { $t->check('web') } 1, 2;
$t->found($well, 'pass');
is $t->states->{web}[0], 'unknown', 'one that is well and one unknown: unknown';
$t->found($ill, 'pass');
is $t->states->{web}[0], 'operational';
is_deeply [ shown() ], [], 'nobody is told that it has always been well';
$t->found($ill, 'fail');
is_deeply $t->states->{web}, [ 'major_outage', 'check' ], 'the worst counts';
is_deeply [ shown() ], [ 'web major_outage' ], 'is told';
$t->patch("/health-checks/$ill", { enabled => \0 });
is $t->states->{web}[0], 'operational', 'one that is disabled does not count';
is_deeply [ shown() ], [ 'web operational' ];
$t->delete("/health-checks/$_") for $well, $ill;


# what a dependency explains

my $db = $t->check('database');
my @deps = map { "app-$_" } 1 .. 10;
my %of = map { $_ => $t->check($_) } @deps;
$t->found($_, 'pass') for $db, values %of;

$t->works($t->depends($_, 'database'), $depend, 200) for @deps;
$t->works($t->depends('report', 'app-1'), $depend, 200);
$t->works($t->depends('newsletter', 'database', 'soft'), $depend, 200);
is $t->states->{report}[0], 'operational', 'without checks: as what it depends on is';
$t->told('component.status_changed');

$t->found($of{'app-2'}, 'fail');
is_deeply [ shown() ], [ 'app-2 major_outage' ], 'a dependent fails by itself';
$t->found($db, 'fail');
my @told = $t->told('component.status_changed');
is scalar @told, 1, 'the database fails: one notice';
is $told[0]{component}, 'database', 'of the root cause';
is_deeply $told[0]{explains}, [ sort(@deps, 'newsletter', 'report') ],
    'which lists what it explains';

my $states = $t->states;
is_deeply $states->{$_}, [ 'major_outage', 'dependency', 'database' ], "$_: because of it"
    for @deps, 'report';
is_deeply $states->{newsletter}, [ 'degraded', 'dependency', 'database' ], 'a soft one degrades';
$t->found($of{$_}, 'fail') for @deps;
is_deeply [ shown() ], [], 'what they say themselves is explained by it';

$t->found($of{$_}, 'pass') for qw(app-1 app-2 app-3);
is_deeply $t->states->{'app-1'}, [ 'major_outage', 'dependency', 'database' ],
    'they are down as long as it is';
$t->found($db, 'pass');
is_deeply [ sort { $a cmp $b } shown() ], [ 'app-2 operational', 'database operational' ],
    'it is back: told of those that were told to be down';
is $t->states->{report}[0], 'operational';
is_deeply $t->states->{'app-9'}, [ 'major_outage', 'check' ], 'others need a little longer';
$t->found($of{$_}, 'pass') for grep { $_ ne 'app-9' } @deps;
is_deeply [ shown() ], [], 'of which nobody is told';
$t->age(121);
$t->sweep;
is_deeply [ shown() ], [ 'app-9 major_outage' ], 'but of what stays down';
$t->found($of{'app-9'}, 'pass');
is_deeply [ shown() ], [ 'app-9 operational' ];

$t->fails($t->depends('database', 'report'), $depend, 'dependency_cycle');
$t->fails($t->depends('web', 'web'), $depend, 'dependency_cycle');
$t->fails($t->depends('No-Slug', 'web'), $depend, 'component_name_invalid');
$t->works($t->depends('newsletter', 'database', 'hard'), $depend, 200);
my $graph = $t->works($t->get('/service-health/graph'), 'GET /service-health/graph', 200);
is scalar @{ $graph->{edges} }, 12, 'the graph';
is scalar @{ $graph->{nodes} }, 13;
is_deeply [ grep { $_->{from} eq 'newsletter' } @{ $graph->{edges} } ],
    [ { from => 'newsletter', to => 'database', strength => 'hard' } ], 'one of two is one';
$t->works($t->delete('/service-health/newsletter/dependencies/database'), $part, 204);
$t->fails($t->delete('/service-health/newsletter/dependencies/database'), $part, 'not_found');

my @r = $p->parallel(map { my ($from, $to) = $_ % 2 ? qw(x y) : qw(y x);
    [ PUT => "/api/v1/service-health/$from/dependencies/$to", token => $t->{token},
      body => { strength => 'hard' } ] } 1 .. 50);
is scalar(grep { $_->{status} == 200 } @r), 25, 'edges against each other: of one direction';
is scalar(grep { ($_->json->{code} // '') eq 'dependency_cycle' } @r), 25, 'the other is a cycle';


# flapping

$t->told('component.status_changed');
$t->found($db, 'fail', flapping => 1);
$t->found($db, 'fail', flapping => 1, outcome => $_ % 2 ? 'pass' : 'fail') for 1 .. 20;
is_deeply [ shown() ], [ 'database major_outage flapping' ], 'twenty changes, one notice';
$t->found($db, 'pass');
is_deeply [ shown() ], [ 'database operational' ], 'steady again: one notice';


# what was found

$t->works($t->get('/service-health'), $list, 200);
is $t->works($t->get('/service-health/database'), 'GET /service-health/{component}', 200)
    ->{status}, 'operational';
$t->fails($t->get('/service-health/nothing'), 'GET /service-health/{component}', 'not_found');
my $line = 'GET /service-health/{component}/timeline';
my $r = $t->works($t->get('/service-health/database/timeline?limit=3'), $line, 200);
is_deeply [ map { $_->{status} } @{ $r->{data} } ], [ qw(operational major_outage operational) ],
    'its timeline, the latest first';
$r = $t->get("/service-health/database/timeline?limit=3&cursor=$r->{next}")->json;
is_deeply [ map { $_->{status} } @{ $r->{data} } ], [ qw(major_outage operational unknown) ];
$t->fails($t->get('/service-health/nothing/timeline'), $line, 'not_found');

is_deeply $t->states(token => $Ward::OTHER), {}, 'another tenant sees nothing of it';
$r = $t->depends('a', 'b', 'hard', token => $Ward::OTHER);
is $r->{status}, 200;
is_deeply [ sort keys %{ $t->states(token => $Ward::OTHER) } ], [ qw(a b) ];
ok !$t->states->{a};

for my $scope ('health:read', 'categories:admin') {
    is $t->depends('a', 'b', 'hard', token => { scope => $scope })->{status}, 403,
        "not with $scope";
}


# silence

$p->sql("update health.checks set last_at = now() - interval '4 days' where id = ?", $db);
$t->sweep;
is $t->states->{database}[0], 'unknown', 'three intervals without a result: unknown';
is_deeply [ shown() ], [ 'database unknown' ];
$t->found($db, 'pass');
is_deeply [ shown() ], [ 'database operational' ];


# reported by another module

$p->sql("select health.report(?, 'backup', 'backup', 'fail', 'no space', 100)",
        $Pando::Token::TENANT) for 1 .. 3;
is_deeply $t->states->{backup}, [ 'partial_outage', 'check' ], 'a report counts';
is_deeply [ shown() ], [ 'backup partial_outage' ], 'once';
$p->sql('update health.reports set until = now() - interval \'1 s\'');
$t->sweep;
ok !$t->states->{backup}, 'until it is over';

$t->events_sound;
$t->all_provoked('health_services.c');

done_testing;
