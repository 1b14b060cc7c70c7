# All at once: results, sweeps, calls of heartbeats, dependencies, incidents
# and maintenances of the same components.  Nobody waits for each other in a
# circle, and what is written is what follows from what was found.

use FindBin;
use lib $FindBin::Bin;
use POSIX qw(strftime);
use Pando;
use Ward;

my $t = Ward->new(workers => 2);
my $p = $t->{p};
my @names = map { "c$_" } 1 .. 8;
my %check = map { $_ => $t->check($_) } @names;
my @beats = map { $t->post('/heartbeats', { name => "b $_", component => $_, period_s => 60 })
    ->json } @names;
my $deadlocks = 'select deadlocks from pg_stat_database where datname = current_database()';

sub at { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0])) }

# A node: what its ticks do, as fast as it can.
sub node
{
    my ($n) = @_;
    my $pid = fork // die;
    return $pid if $pid;

    my $ok = eval {
        my $db = DBI->connect("dbi:Pg:$p->{database}", '', '',
                              { RaiseError => 1, PrintError => 0 });
        srand $n;

        for my $round (1 .. 150) {
            my @ids = sort { rand() <=> 0.5 } values %check;
            my @states = map { (qw(pass warn fail))[rand 3] } @ids;
            my $us = int(Time::HiRes::time() * 1e6);

            $db->do('select health.record(?, ?, ?, ?, ?, ?, ?)', undef, \@ids,
                    [ map { $us + $_ } 0 .. $#ids ], \@states, [ (1) x @ids ], [ ('') x @ids ],
                    \@states, [ (0) x @ids ]);
            $db->do('select health.sweep(1, 1)') if $round % 3 == 0;
            $db->do('select run from health.recovery_claim(?)', undef, $Ward::NOBODY)
                if $round % 5 == 0;
        }
        $db->disconnect;
        1;
    };
    print STDERR "# $@" unless $ok;
    POSIX::_exit($ok ? 0 : 1);
}

$t->post('/recovery-actions', { name => "r $_", component => $_, module => 'health',
    guard => { held_s => 0, cooldown_s => 0, per_hour => 60, attempts => 60, verify_s => 0 } })
    for @names[0 .. 3];

my @pids = map { node($_) } 1 .. 3;
my %said;

for my $round (1 .. 40) {
    my ($from, $to) = @names[rand 8, rand 8];
    my @r = $p->parallel(map { $_->[1] =~ m{^/ping} ? $_
            : [ $_->[0], "/api/v1$_->[1]", token => $t->{token}, body => $_->[2], timeout => 60 ] }
        [ PUT => "/service-health/$from/dependencies/$to", { strength => 'hard' } ],
        [ PUT => "/service-health/$to/dependencies/$from", { strength => 'soft' } ],
        [ DELETE => "/service-health/$from/dependencies/$to" ],
        [ PATCH => "/health-checks/$check{$from}", { criticality => 'important' } ],
        [ PATCH => "/health-checks/$check{$to}", { criticality => 'required' } ],
        [ POST => '/incidents', { title => 'x', impact => 'minor', components => [ $from ],
            message => 'y' } ],
        [ POST => '/maintenances', { title => 'x', components => [ $from, "m$round" ],
            starts_at => at(-1), ends_at => at(1) } ],
        [ POST => '/maintenances', { title => 'x', components => [ "m$round", $from ],
            starts_at => at(-1), ends_at => at(1) } ],
        (map { [ GET => $_->{ping_url} . ($round % 2 ? '/fail' : '') ] } @beats[rand 8, rand 8]),
        [ GET => '/service-health' ], [ GET => '/service-health/graph' ]);

    $said{"$_->{status}" . ($_->{status} == 409 ? ' ' . $_->json->{code} : '')}++ for @r;

    my @open = @{ $t->get('/incidents?state=investigating&limit=5')->json->{data} };
    my @moved = $p->parallel(map { [ POST => "/api/v1/incidents/$_->{id}/resolve",
        token => $t->{token}, timeout => 60 ] } @open);
    $said{$_->{status}}++ for @moved;
}

is waitpid($_, 0) && $?, 0, 'a node goes through' for @pids;
delete @said{grep { /^(?:200|201|204|404)$/
    || /^409 (?:dependency_cycle|overlapping_maintenance|illegal_transition)$/ } keys %said};
is_deeply \%said, {}, 'every answer is one that was to be had';
is $p->sql($deadlocks), 0, 'nobody waited in a circle';

# What is written is what follows.
$p->sql('select health.settle(?)', $Pando::Token::TENANT);
$p->sql('select health.sweep(3600, 3600)');
my %now = map { @$_ } $p->sql(q{select f.component, (array['unknown', 'operational', 'degraded',
    'partial_outage', 'major_outage'])[f.rank + 1] from health.follows(?) f},
    $Pando::Token::TENANT);
is_deeply { map { @$_ } $p->sql('select component, status from health.components') }, \%now,
    'what is written is what follows from what was found';
is_deeply [ map { $_->[0] } $p->sql(q{select k.component from health.components k where k.status <>
    (select c.status from health.component_changes c where c.tenant_id = k.tenant_id
     and c.component = k.component order by c.at desc limit 1)}) ], [], 'as its last change says';
is $p->sql(q{select count(*) from (select components[1] from health.incidents
    where auto and resolved_at is null group by 1 having count(*) > 1) x}), 0,
    'one open incident of a component';
is $p->sql(q{select count(*) from health.maintenance_components a
    join health.maintenance_components b on a.component = b.component
     and a.maintenance_id < b.maintenance_id and a.during && b.during}),
    0, 'no two maintenances of one at a time';
is $p->sql(q{select count(*) from (select 1 from health.recovery_runs where outcome = 'running'
    group by tenant_id having count(*) > 1) x}), 0, 'one recovery at a time';

done_testing;
