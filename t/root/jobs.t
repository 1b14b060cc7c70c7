# Jobs: enqueued with the change, run once, tried again, canceled, dead; keys,
# priorities, times and tenants.

use Pando;
use JSON::PP;
use Time::HiRes qw(sleep);

my $p = Pando->new(domains => ['toil'], workers => 2, http =>
    'pando_jobs lease=2s;', server => 'location = /metrics { pando_exposition; }');
my $tenant = '00000000-0000-7000-8000-0000000000e1';
my $as = $p->token(scope => 'toil:write', tid => $tenant);

sub order
{
    my ($n, %set) = @_;
    return $p->post('/api/v1/toil', { n => $n, %set }, token => $as);
}

sub job
{
    my ($id) = @_;
    my $st = $p->db->prepare('select *, extract(epoch from run_at) as at,
        extract(epoch from clock_timestamp()) as now from pando.jobs
        where id = ?');
    $st->execute($id);
    return $st->fetchrow_hashref // {};
}

# Waits until the job is in that state, and returns its row.
sub comes_to
{
    my ($id, $state) = @_;
    my $job;

    $p->wait_for(sub { ($job = job($id))->{state} eq $state }, 30);
    is $job->{state}, $state, "it comes to be $state" or diag explain $job;
    return $job;
}

sub effects
{
    my ($id) = @_;
    return $p->sql('select count(*) from toil.effects where job = ?', $id);
}

sub runs
{
    my ($id) = @_;
    return $p->sql('select count(*) from toil.runs where job = ?', $id);
}


# with the change, and not without it

my $r = order(1);
is $r->{status}, 201, 'ordered';
my $id = $r->json->{id};
my $job = comes_to($id, 'done');
is effects($id), 1, 'done once';
is $job->{tenant_id}, $tenant, 'for the tenant who asked';
is $p->sql('select tenant from toil.runs where job = ?', $id), $tenant,
    'and so it runs';
is $job->{queue}, 'toil', 'in the queue of its domain';
is $job->{attempts}, 1;
like $job->{trace}, qr/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/, 'with its trace';
ok $job->{ended_at}, 'it is known when';

$r = order(2, fail => JSON::PP::true);
is $r->{status}, 409, 'a change that is not made';
is $p->sql("select count(*) from pando.jobs where payload ->> 'n' = '2'"), 0,
    'asks for nothing';

is order(3, alone => JSON::PP::true)->{status}, 201, 'a statement of its own';
ok $p->wait_for(sub { $p->sql('select count(*) from toil.effects
    where n = 3') == 1 }, 30), 'is looked after, too';

$id = $p->post('/api/v1/toil/sql', undef, token => $as)->json->{id};
comes_to($id, 'dead');
is job($id)->{error}, 'unauthorized', 'a job that is nobody\'s has no tenant'
    if job($id)->{state} eq 'dead';

$id = $p->sql("select pando.enqueue('toil.work',
    '{\"n\": 5, \"how\": \"nobodys\"}')");
comes_to($id, 'done');
is $p->sql('select tenant from toil.runs where job = ?', $id), undef,
    'what a function enqueues is found without being told';


# the effect and the end in one transaction

$id = order(10, how => 'tx')->json->{id};
comes_to($id, 'done');
is effects($id), 1, 'both are committed';

$id = order(11, how => 'uncommitted')->json->{id};
$job = comes_to($id, 'dead');
is effects($id), 0, 'or neither';
like $job->{error}, qr/was not committed/, 'which counts as a failure';


# failures

$id = order(20, how => 'fail')->json->{id};
$job = comes_to($id, 'dead');
is $job->{error}, 'not_found', 'why it failed';
is $job->{attempts}, 4, 'after its attempts';
is runs($id), 4, 'each of which was made';
my @began = map { $_->[0] } $p->sql('select extract(epoch from began_at)
    from toil.runs where job = ? order by attempt', $id);
my @most = (0.2, 0.4, 0.8);
my @late = grep { $began[$_ + 1] - $began[$_] > $most[$_] + 7 } 0 .. 2;
is "@late", '', 'no pause is longer than its backoff, but for the machine';

$id = order(21, how => 'fail twice')->json->{id};
comes_to($id, 'done');
is runs($id), 3, 'one that works the third time';
is effects($id), 1;

$id = order(22, how => 'again')->json->{id};
ok $p->wait_for(sub { (job($id)->{error} // '') eq 'not just now' }, 30),
    'one that says when it wants to go on';
comes_to($id, 'done');
my ($first, $second) = map { $_->[0] } $p->sql('select extract(epoch from
    began_at) from toil.runs where job = ? order by attempt', $id);
cmp_ok $second - $first, '>=', 0.69, 'not before that';

$id = order(23, how => 'dead')->json->{id};
is comes_to($id, 'dead')->{attempts}, 1, 'one that gives up at once';
is job($id)->{error}, 'never';

$id = order(24, lone => JSON::PP::true, ms => 60000)->json->{id};
$job = comes_to($id, 'dead');
is $job->{error}, 'timed_out', 'a deadline is a failure';
is $job->{attempts}, 3;

$id = $p->sql("select pando.enqueue('toil.work', '{\"m\": 1}', ?::uuid)",
    $tenant);
$job = comes_to($id, 'dead');
is $job->{attempts}, 1, 'a payload of another shape is not tried again';
like $job->{error}, qr{^the payload is not of its shape: /\w}, 'it says where';
is runs($id), 0, 'nor handed to anyone';


# times

$id = order(30, delay => 1500)->json->{id};
comes_to($id, 'done');
my ($at) = $p->sql('select extract(epoch from min(r.began_at) - j.run_at)
    from toil.runs r, pando.jobs j where j.id = r.job and j.id = ?
    group by j.run_at', $id);
cmp_ok $at->[0], '>=', 0, 'a job for later does not run before that';
cmp_ok $at->[0], '<', 8, 'nor much after';


# priorities, where one runs at a time

my $limit = "select pando.set_queue('toil', null, ?, null, ?)";
$p->sql($limit, 1, 1);
my @ids = map { order(41 + $_, priority => $_, ms => 50)->json->{id} }
    -1, 5, 0, 100;
$p->sql($limit, undef, 0);
comes_to($_, 'done') for @ids;
is_deeply [ map { $_->[0] } $p->sql('select n from toil.runs where job = any(?)
    order by id', \@ids) ], [ 141, 46, 41, 40 ], 'the most urgent first';
is $p->sql('select count(*) from toil.runs r join pando.jobs j on j.id = r.job
    join pando.jobs k on k.id = any(?) and k.id <> j.id
     and k.started_at < j.started_at and k.ended_at > j.started_at
    where r.job = any(?)', \@ids, \@ids), 0, 'and never two';
$p->sql('delete from pando.job_queues');


# keys

my @r = $p->parallel(map { [ POST => '/api/v1/toil', body => { n => $_,
    key => 'one', delay => 60000 }, token => $as ] } 1 .. 50);
is scalar(grep { $_->{status} == 201 } @r), 50, 'fifty with one key';
my %ids = map { $_->json->{id} => 1 } @r;
is keys %ids, 1, 'are one job';
($id) = keys %ids;
is $p->sql("select count(*) from pando.jobs where unique_key = 'one'"), 1;

$job = job($id);
is order(99, key => 'one', delay => 1)->json->{id}, $id, 'one more';
is job($id)->{at}, $job->{at}, 'leaves it as it is';
is $p->sql("select count(*) from pando.jobs where unique_key = 'one'"), 1;
is order(99, key => 'one', delay => 1, again => JSON::PP::true)->json->{id},
    $id, 'or moves it';
comes_to($id, 'done');
is $p->sql('select n from toil.effects where job = ?', $id), 99,
    'with what it brings';
my $next = order(100, key => 'one')->json->{id};
isnt $next, $id, 'a key is free when its job is done';
comes_to($next, 'done');
my $other = $p->post('/api/v1/toil', { n => 1, key => 'one', delay => 60000 },
    token => { scope => 'toil:write' })->json->{id};
my $mine = order(1, key => 'one', delay => 60000)->json->{id};
isnt $other, $mine, 'and is another in another tenant';


# cancel

is $p->delete("/api/v1/toil/$mine", token => $as)->{status}, 204;
is job($mine)->{state}, 'canceled', 'one that waits is canceled';
is $p->delete("/api/v1/toil/$mine", token => $as)->{status}, 404, 'once';

$id = order(50, ms => 60000)->json->{id};
ok $p->wait_for(sub { runs($id) }, 30), 'one runs';
is $p->delete("/api/v1/toil/$id", token => $as)->{status}, 204;
is job($id)->{state}, 'canceled', 'and is canceled';
ok $p->wait_for(sub { $p->log =~
    /job toil\.work ended early, attempt 1: it is another/ }, 30),
    'its flow is ended';
is effects($id), 0, 'without an effect';
is job($id)->{state}, 'canceled', 'it stays so';


# progress

$id = order(60, how => 'progress', ms => 3000)->json->{id};
ok $p->wait_for(sub { (job($id)->{progress} // 0) > 0 }, 30), 'it gets on';
like job($id)->{note} // 'step', qr/^step/, 'and says how';
comes_to($id, 'done');


# periods

ok $p->wait_for(sub { $p->sql("select count(*) from toil.runs
    where n = -1") >= 3 }, 30), 'what is periodic runs by itself';
is $p->sql("select count(*) from (select unique_key from pando.jobs
    where kind = 'toil.beat' group by 1 having count(*) > 1) d"), 0,
    'once in each period';


# operators

$id = order(70, how => 'dead')->json->{id};
comes_to($id, 'dead');
$p->sql(q(update pando.jobs set payload = '{"n": 70}' where id = ?), $id);
is $p->sql('select pando.retry_jobs(array[?::uuid], 1)', $id), 1, 'retried';
comes_to($id, 'done');

$p->sql("select pando.set_queue('toil', null, null, null, true)");
sleep 0.2;
$id = order(71)->json->{id};
sleep 0.5;
is job($id)->{state}, 'ready', 'a queue that is paused gives nothing';
$p->sql("select pando.set_queue('toil', null, null, null, false)");
comes_to($id, 'done');

my $metrics = $p->get('/metrics')->{body};
like $metrics, qr/^pando_job_runs_total\{queue="toil",kind="toil.work",
    outcome="done"\}\ [1-9]/mx, 'metrics tell what became of them';
like $metrics, qr/^pando_jobs_running\{queue="toil",kind="toil.work"\} 0$/m;
ok $p->wait_for(sub { $p->get('/metrics')->{body} =~
    /^pando_jobs_dead\{queue="toil",kind="toil.work"\} [1-9]/m }, 30),
    'and how many are dead';
ok $p->wait_for(sub { $p->get('/metrics')->{body} =~
    /^pando_flows_running [01]$/m }, 30), 'no flow is left';


# a node that runs none, beside one that does

my $none = Pando->new(domains => ['toil'], http => 'pando_jobs off;');
$p->stop;
$id = $none->post('/api/v1/toil', { n => 80 }, token => {
    scope => 'toil:write', tid => $tenant })->json->{id};
sleep 1;
is job($id)->{state}, 'ready', 'a node that runs no jobs leaves them alone';
$p->start;
comes_to($id, 'done');
$id = $none->post('/api/v1/toil', { n => 81 }, token => {
    scope => 'toil:write', tid => $tenant })->json->{id};
comes_to($id, 'done');

for my $wrong ('of', 'lease=', 'lease=10ms', 'most=0', 'most=x') {
    my $node = Pando->new(domains => ['toil'], start => 0,
        http => "pando_jobs $wrong;", expect => [ qr/is no option of/ ]);

    like scalar $node->check, qr/"\Q$wrong\E" is no option of pando_jobs/,
        "$wrong is refused";
}

done_testing;
