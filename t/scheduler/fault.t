# Once, whatever happens: workers killed at random on two nodes, batches that
# are repeated, a clock that is set back, a worker that dies with a request
# under way, jobs that are lost, a database that is away.

use FindBin;
use lib $FindBin::Bin;
use Clockwork;
use Pando;
use Pando::Server;
use Time::HiRes qw(sleep time);

my $pg = Pando::Server->postgres(max_connections => 150);
my $hold = "$Pando::BUILD/t/scheduler_hold_$$";
my $web = Pando::Elsewhere->web(sub {
    for (1 .. 1500) { last unless -e $hold; sleep 0.02 }
    $_[0]->print(Pando::Elsewhere::answer(200, 'fine'));
});
my %set = (to => [$web], workers => 2, database => $pg->conninfo,
    http => 'pando_jobs lease=2s; pando_set scheduler.floor_seconds 1;');
my ($t, $other) = map { Clockwork->new(%set) } 1 .. 2;
my $p = $t->{p};
my @nodes = ($p, $other->{p});
END { unlink $hold if $hold }

# Five hundred schedules of every second or two, fired by two nodes of which a
# worker is killed again and again: each nominal time has one run.

$p->sql(q(insert into scheduler.schedules (tenant_id, name, specs, action, next_at, overlap,
        catchup_s, max_catchup)
    select ?, 'every ' || n, jsonb_build_array(jsonb_build_object('type', 'interval', 'every',
           'PT' || 1 + n % 2 || 'S')), '{"type": "event"}',
           to_timestamp(ceil(extract(epoch from now()) / 2 + 1) * 2), 'allow_all', 3600, 100
      from generate_series(1, 500) as n), $Pando::Token::TENANT);
$p->sql("select scheduler.wake(min(next_at)), pg_notify('pando_jobs', 'more')
    from scheduler.schedules");
my $from = $p->sql('select min(next_at) from scheduler.schedules');

$t->waits(sub { $p->sql('select count(*) from scheduler.runs') }, 'they are fired');

for my $round (1 .. 6) {
    my $node = $nodes[$round % 2];
    my @pids = $node->worker_pids;
    sleep 0.5;
    $node->kill_worker('KILL', $pids[rand @pids]);
}

$t->waits(sub { $p->sql('select count(*) from scheduler.runs') > 1000 }, 'many are run', 120);

my $to = $p->sql("update scheduler.schedules set state = 'paused', next_at = null
    where state = 'active' returning last_at") && $p->sql('select max(last_at)
    from scheduler.schedules');
my ($runs, $distinct) = @{ ($p->sql("select count(*), count(distinct (schedule_id, nominal_at))
    from scheduler.runs"))[0] };
is $runs, $distinct, 'each nominal time has one run';
is $p->sql("select count(*) from scheduler.schedules as s, lateral (
    select extract(epoch from s.last_at - min(r.nominal_at))
           / (substring(s.specs -> 0 ->> 'every', 3, 1)::int) + 1 - count(*) as missing
      from scheduler.runs as r where r.schedule_id = s.id) as m where missing <> 0"), 0,
    'and none is left out';
is $p->sql('select count(*) from scheduler.runs where nominal_at = ?', $from), 500,
    'from the first one on';
$t->waits(sub { !$p->sql("select count(*) from scheduler.runs
    where state in ('queued', 'running')") }, 'all of them end', 120);
is $p->sql("select string_agg(distinct state, ' ') from scheduler.runs where error is distinct
    from 'missed'"), 'succeeded', 'well';
is $p->sql("select count(*) from pando.outbox where type = 'schedule.fired'"),
    $p->sql("select count(*) from scheduler.runs where state = 'succeeded'"),
    'and each has told one event';

# a batch that is repeated, as after a clock was set back: no run twice

my $s = $t->schedule;
$t->make_due($s, 'now()');
$t->waits(sub { $t->fates($s) eq 'succeeded' }, 'fired');
my $nominal = $p->sql('select nominal_at from scheduler.runs where schedule_id = ?', $s->{id});
$t->make_due($s, "timestamptz '$nominal'");
$t->waits(sub { $t->get("/schedules/$s->{id}")->json->{next_at} gt '2026-12-31' }, 'fired again');
is $t->fates($s), 'succeeded', 'the same time is the same run';

# a worker that dies with a request under way: asked again, with the same key

open my $held, '>', $hold or die "$hold: $!";
close $held;
my $h = $t->schedule(action => $t->http($web), timeout_s => 120);
$t->make_due($h, 'now()');
$t->waits(sub { $t->came($web) == 1 }, 'a request is under way');
my ($pid) = $p->sql("select lease_by from pando.jobs where kind = 'scheduler.run'
    and state = 'running'") =~ /(\d+)\D*$/;
for my $node (@nodes) {
    $node->kill_worker('KILL', $_) for $node->worker_pids;
}
unlink $hold;
$t->waits(sub { $t->fates($h) eq 'succeeded' }, 'it is done by another worker', 90);
is scalar(keys %{{ map { $_->{headers}{'idempotency-key'} => 1 } $web->requests }}), 1,
    'with the same key';
cmp_ok $p->sql('select attempt from scheduler.runs where schedule_id = ?', $h->{id}), '>', 1,
    'in another attempt';
is $p->sql('select current_run from scheduler.schedules where id = ?', $h->{id}), undef,
    'and the schedule is free';

# a run whose job is lost

my $l = $t->schedule(overlap => 'buffer_all');
$p->sql("insert into scheduler.runs (id, schedule_id, tenant_id, nominal_at, kind, due_at, state,
    job_id) values (pando.uuid7(), ?, ?, now(), 'manual', now() - interval '1 min', 'running',
    pando.uuid7())", $l->{id}, $Pando::Token::TENANT);
$p->sql('update scheduler.schedules set current_run = (select id from scheduler.runs
    where schedule_id = ?) where id = ?', $l->{id}, $l->{id});
$t->post("/schedules/$l->{id}/trigger", {});
like $t->fates($l), qr/waiting/, 'one waits for it';
$p->sql("select pando.enqueue('scheduler.sweep'), pg_notify('pando_jobs', 'more')");
$t->waits(sub { $t->fates($l) eq 'failed:its job was lost succeeded' }, 'which ends it');

# the database away, and what was due meanwhile

my $down = $t->schedule(specs => [ { type => 'interval', every => 'PT10M' } ]);
my $due = $p->sql("update scheduler.schedules
    set next_at = to_timestamp(ceil(extract(epoch from now())) + 1)
    where id = ? returning extract(epoch from next_at)", $down->{id});
$_->{p}{db} = undef for $t, $other;
$pg->stop;
for my $node (@nodes) {
    $node->expect(qr/terminating connection|server closed|could not connect|Connection refused/);
}
sleep 0.1 until time > $due;
$pg->start;
$t->waits(sub { eval { $p->{db} = undef; $t->fates($down) eq 'succeeded' } },
    'what was due while the database was away is run', 90);
is $p->sql('select count(*) from scheduler.runs where schedule_id = ?', $down->{id}), 1, 'once';

done_testing;
