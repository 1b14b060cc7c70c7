# Maintenances: planned, never two of one component at a time, begun and ended
# by the clock; meanwhile nothing is told.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use POSIX qw(strftime);
use Ward;

my $t = Ward->new(workers => 2);
my $p = $t->{p};
my $add = 'POST /maintenances';
my $change = 'PATCH /maintenances/{id}';
my $remove = 'DELETE /maintenances/{id}';

sub at { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0])) }
sub window { (title => 'new disks', components => ['storage'], starts_at => at($_[0]),
              ends_at => at($_[1])) }
sub shown { map { "$_->{component} $_->{status}" } $t->told('component.status_changed') }

my $m = $t->works($t->post('/maintenances', { window(3600, 7200) }), $add, 201);
is $m->{state}, 'scheduled';
my $one = "/maintenances/$m->{id}";
is $t->works($t->get($one), 'GET /maintenances/{id}', 200)->{title}, 'new disks';
$t->fails($t->post('/maintenances', { window(7100, 8000) }), $add, 'overlapping_maintenance',
          '/starts_at');
$t->fails($t->post('/maintenances', { window(8000, 7900) }), $add, 'time_range_empty', '/ends_at');
is $t->post('/maintenances', { window(7200, 8000) })->{status}, 201, 'one behind the other';
is $t->post('/maintenances', { window(3600, 7200), components => ['web'] })->{status}, 201;
is $t->post('/maintenances', { window(3600, 7200) }, token => $Ward::OTHER)->{status}, 201,
    'or of another tenant';

# Fifty plan the same hour.
my @r = $p->parallel(map { [ POST => '/api/v1/maintenances', token => $t->{token},
    body => { window(90000 + $_, 93600 + $_), components => [ 'x', "y$_" ] } ] } 1 .. 50);
is scalar(grep { $_->{status} == 201 } @r), 1, 'of fifty at once one is planned';
is scalar(grep { ($_->json->{code} // '') eq 'overlapping_maintenance' } @r), 49, 'the others told';

$t->works($t->patch($one, { ends_at => at(7000) }, 'If-Match' => '"v1"'), $change, 200);
$t->fails($t->patch($one, { title => 'x' }, 'If-Match' => '"v1"'), $change,
          'precondition_failed');
$t->fails($t->patch($one, { ends_at => at(7900) }), $change, 'overlapping_maintenance',
          '/starts_at');
$t->fails($t->patch($one, { ends_at => at(0) }), $change, 'time_range_empty', '/ends_at');
$t->fails($t->delete($one, 'If-Match' => '"v1"'), $remove, 'precondition_failed');
$t->fails($t->get("/maintenances/$Ward::NOBODY"), 'GET /maintenances/{id}', 'not_found');
$t->fails($t->patch("/maintenances/$Ward::NOBODY", {}), $change, 'not_found');
is $t->get($one, token => $Ward::OTHER)->{status}, 404;
is $t->delete($one, token => $Ward::OTHER)->{status}, 404;


# it begins, something fails, it ends

my $check = $t->check('storage');
$t->found($check, 'pass');
$t->works($t->patch($one, { starts_at => at(-60) }), $change, 200);
$t->sweep for 1 .. 3;
is scalar(() = $t->told('maintenance.started')), 1, 'it begins once';
is $t->get($one)->json->{state}, 'active';
is $t->get('/service-health/storage')->json->{status}, 'maintenance', 'is what is shown';
$t->found($check, 'fail');
my $r = $t->get('/service-health/storage')->json;
is $r->{status}, 'maintenance';
is $r->{recorded}, 'major_outage', 'what is recorded is what was found';
is_deeply [ shown() ], [], 'nobody is told';
$t->age(300);
$t->sweep;
is_deeply [ $t->told('incident.opened') ], [], 'no incident opens';
my $page = $t->works($t->public('/status'), 'GET /status', 200);
is $page->{components}[0]{status}, 'maintenance';
is_deeply [ map { $_->{title} } @{ $page->{maintenances} } ], [ ('new disks') x 4 ],
    'what is at work and what is next';

$t->fails($t->patch($one, { starts_at => at(60) }), $change, 'illegal_transition', undef,
          'it keeps its beginning');
$t->fails($t->delete($one), $remove, 'illegal_transition');
$t->works($t->patch($one, { ends_at => at(-1) }), $change, 200, 'ended early');
$t->sweep for 1 .. 3;
is scalar(() = $t->told('maintenance.ended')), 1, 'it ends once';
is_deeply [ shown() ], [ 'storage major_outage' ], 'what went on is told now';
is_deeply [ $t->told('incident.opened') ], [], 'and two minutes are left for it to recover';
$t->fails($t->patch($one, { title => 'x' }), $change, 'illegal_transition', undef,
          'over: it stays as it was');
$p->sql("update health.maintenance_components set during = tstzrange(lower(during) - interval '1 h',
    upper(during) - interval '5 min') where maintenance_id = ?", $m->{id});
$t->sweep;
is scalar(() = $t->told('incident.opened')), 1, 'after them an incident opens';


# listed, removed

my $list = $t->works($t->get('/maintenances?state=scheduled&limit=2'), 'GET /maintenances', 200);
is scalar @{ $list->{data} }, 2;
cmp_ok $list->{data}[0]{starts_at}, 'gt', $list->{data}[1]{starts_at}, 'the latest first';
$t->works($t->delete("/maintenances/$list->{data}[0]{id}"), $remove, 204);
is $t->post('/maintenances', { window(90000, 93600), components => ['x'] })->{status}, 201,
    'what is canceled leaves its hours free';

$t->events_sound;
$t->all_provoked('health_maintenances.c');

done_testing;
