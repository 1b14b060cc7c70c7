# Jobs under faults: workers killed at random, stopped and gone on with, reloaded
# every second; two nodes; connections cut, the database killed.  What is done in
# a job's own transaction has its effect exactly once.

use Pando;
use Pando::Server;
use Time::HiRes qw(sleep time);

my $pg = Pando::Server->postgres(max_connections => 150);
my $tenant = '00000000-0000-7000-8000-0000000000f1';
my %set = (domains => ['toil'], workers => 2, database => $pg->conninfo,
    http => 'pando_jobs lease=2s;',
    main => 'worker_shutdown_timeout 4s;',
    server => 'location = /metrics { pando_exposition; }');
my ($a, $b) = map { Pando->new(%set) } 1 .. 2;
my $lost = qr/terminating connection|server closed the connection/;

# So many jobs, as one statement.
sub fill
{
    my ($n, $how, %job) = @_;

    $a->sql("select count(pando.enqueue('toil.work', jsonb_build_object('n', i,
        'how', ?::text, 'ms', ?::int), ?::uuid, max_attempts => 1000))
        from generate_series(?::int + 1, ?::int + ?) i", $how, $job{ms} // 0,
        $tenant, $job{from}, $job{from}, $n);
}

sub left
{
    return $a->sql("select count(*) from pando.jobs where kind = 'toil.work'
        and state in ('ready', 'running')");
}

sub drained
{
    my ($what) = @_;
    ok $a->wait_for(sub { !left() }, 90), "$what: all are done"
        or diag left(), ' are left';
}

# Of the jobs from there: how many effects, of how many jobs; states but done.
sub outcome
{
    my ($from, $n) = @_;
    my $others = $a->sql("select count(*) from pando.jobs where
        state <> 'done' and (payload ->> 'n')::int between ?::int + 1
        and ?::int", $from, $from + $n);

    return ($a->sql("select count(*), count(distinct n) from toil.effects
        where n > ?::int and n <= ?::int", $from, $from + $n), $others);
}

sub exactly
{
    my ($what, $from, $n) = @_;
    my ($effects, $others) = outcome($from, $n);

    is "@$effects", "$n $n", "$what: each has one effect";
    is $others, 0, "$what: each is done";
}


# workers killed at random

fill(5000, 'tx', from => 0, ms => 20);

my $kills = 0;
my $until = time + 60;

while (left() > 200 && time < $until) {
    my $node = $kills % 2 ? $a : $b;
    my @pids = $node->worker_pids;

    $node->kill_worker('KILL', $pids[rand @pids]) if @pids;
    $kills++;
    sleep 0.2;
}

cmp_ok $kills, '>', 2, "$kills workers were killed";
drained('killed');
exactly('killed', 0, 5000);
cmp_ok $a->sql('select count(*) from toil.runs where n <= 5000'), '>', 5000,
    'some had to be run again';
is $a->sql("select count(*) from pando.jobs where kind = 'toil.work'
    and attempts > 1 and error is not null"), 0, 'which is no error in the end';


# a worker that stands still while its lease goes over

fill(1, 'tx', from => 5000, ms => 2500);
ok $a->wait_for(sub { $a->sql('select count(*) from toil.runs
    where n = 5001') }, 30), 'it runs';
my ($pid) = $a->sql('select pid from toil.runs where n = 5001');
my ($still) = grep { my $n = $_;
    grep { $_ == $pid->[0] } $n->worker_pids } $a, $b;
kill 'STOP', $pid->[0];
ok $a->wait_for(sub { $a->sql('select count(*) from toil.runs
    where n = 5001') == 2 }, 60), 'another worker runs it';
kill 'CONT', $pid->[0];
drained('stopped');
ok $still->wait_for(sub { $still->log =~
    /toil\.work ended early, attempt 1: it is another/ }, 30),
    'the one that stood still gives up';
exactly('stopped', 5000, 1);


# two nodes share the work

fill(400, 'plain', from => 6000, ms => 100);
drained('two nodes');
exactly('two nodes', 6000, 400);
my %of = map { my $node = $_; map { $_ => $node } $node->worker_pids } $a, $b;
my %nodes = map { $of{$_->[0]} => 1 } $a->sql('select distinct pid from
    toil.runs where n between 6001 and 6400');
is keys %nodes, 2, 'both had some';


# a limit holds on all of them together

$a->sql("select pando.set_queue('toil', null, 3, null, null)");
fill(40, 'plain', from => 7000, ms => 60);
drained('limit');
is $a->sql("with these as materialized (select * from pando.jobs
    where (payload ->> 'n')::int between 7001 and 7040)
    select max(c) from (select (select count(*) from these k where k.started_at
    <= j.started_at and k.ended_at > j.started_at) c from these j) x"), 3,
    'three at a time, on two nodes';
$a->sql('delete from pando.job_queues');


# a tenant with very many, and one with one

fill(10000, 'plain', from => 100000, ms => 40);
$a->wait_for(sub { $a->sql('select count(*) from toil.runs
    where n > 100000') > 50 }, 30);
$a->sql(q(select pando.enqueue('toil.work', '{"n": 8000}', ?::uuid)),
    '00000000-0000-7000-8000-0000000000f2');
ok $a->wait_for(sub { $a->sql('select count(*) from toil.effects
    where n = 8000') }, 60), 'the one is done';
my ($waited) = $a->sql(q(select created_at, started_at from pando.jobs
    where payload = '{"n": 8000}'));
my $before = $a->sql("select count(*) from pando.jobs where tenant_id = ?
    and kind = 'toil.work' and started_at between ? and ?", $tenant, @$waited);
cmp_ok $before, '<=', 4 * 32 * 6, 'before more than a few turns of the many';
$a->sql("delete from pando.jobs where state = 'ready' and kind = 'toil.work'");
drained('many');


# reloads: nothing is cut short that can end in time

fill(1500, 'plain', from => 10000, ms => 150);
for (1 .. 5) {
    $a->reload;
    $b->signal('HUP');
    sleep 1;
}
drained('reloads');
exactly('reloads', 10000, 1500);
is $a->sql('select count(*) from toil.runs where n between 10001 and 11500'),
    1500, 'reloads: none was run twice';

fill(1, 'plain', from => 12000, ms => 600000);
$a->wait_for(sub { $a->sql('select count(*) from toil.runs
    where n = 12001') }, 30);
$_->signal('HUP') for $a, $b;
ok $a->wait_for(sub { $a->sql('select count(*) from toil.runs
    where n = 12001') > 1 }, 30), 'what cannot end in time is handed back';
is $a->sql("select max(attempts) from pando.jobs where
    payload ->> 'n' = '12001'"), 1, 'and that was no attempt';
$a->sql("select id from pando.jobs, pando.end_jobs(array[id], array[fence],
    array['dead'], array[0::bigint], array['']) where
    payload ->> 'n' = '12001'");


# connections cut

fill(800, 'tx', from => 13000, ms => 50);
for (1 .. 6) {
    $a->sql("select count(pg_terminate_backend(pid)) from pg_stat_activity
        where application_name = 'pando' and pid <> pg_backend_pid()");
    sleep 0.4;
}
drained('cut');
exactly('cut', 13000, 800);


# the database killed, and there again

fill(800, 'tx', from => 14000, ms => 50);
sleep 0.5;
$a->db->disconnect;
delete $_->{db} for $a, $b;
$pg->kill;
sleep 1.5;
$pg->start;
ok $a->wait_for(sub { eval { $a->sql('select 1') } }, 30), 'it is back';
drained('restarted');
exactly('restarted', 14000, 800);


# nothing is left

for my $node ($a, $b) {
    ok $node->wait_for(sub { $node->get('/metrics')->{body} =~
        /^pando_flows_running [01]$/m }, 30), 'no flow';
    ok $node->wait_for(sub { $node->get('/metrics')->{body} =~
        /^pando_jobs_running\{queue="toil",kind="toil.work"\} 0$/m }, 30),
        'no run';
}
ok $a->wait_for(sub { !$a->sql("select count(*) from pg_stat_activity
    where application_name = 'pando' and state like 'idle in trans%'") }, 30),
    'no transaction';
is $a->sql("select count(*) from (select unique_key from pando.jobs
    where kind = 'toil.beat' group by 1 having count(*) > 1) d"), 0,
    'and what is periodic ran once in each period, all along';

done_testing;
