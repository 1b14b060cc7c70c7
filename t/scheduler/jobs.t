# The jobs of the suite: lists by state, one of them, run again or canceled, one
# by one or many; the queues; who sees what.

use FindBin;
use lib $FindBin::Bin;
use Clockwork;
use Pando;

my $tenant = $Pando::Token::TENANT;
my $t = Clockwork->new(workers => 2, domains => [ 'scheduler', 'toil' ],
    http => "pando_set scheduler.operators $tenant;");
my $p = $t->{p};
my %other = (token => $Clockwork::OTHER);

sub enqueue
{
    my ($state, $kind, %set) = @_;
    return $p->sql("with j as (select pando.enqueue(?, '{\"n\":1}', ?, now() + interval '1 h',
            priority => ?) as id)
        select id from j", $kind, $set{tenant} // $tenant, $set{priority} // 0)
        if $state eq 'ready';
    my $id = enqueue('ready', $kind, %set);
    $p->sql('update pando.jobs set state = ?, ended_at = now(), attempts = 8, started_at = now(),
        max_attempts = 8, error = ? where id = ?', $state, 'it broke', $id);
    return $id;
}

sub ids { return [ map { $_->{id} } @{ $_[0]{data} } ] }

my @dead = map { enqueue('dead', 'toil.none') } 1 .. 3;
my $theirs = enqueue('dead', 'toil.none', tenant => $Pando::Token::OTHER);
my $ready = enqueue('ready', 'toil.none');
my $first = enqueue('ready', 'toil.none', priority => 9);

# lists

my $j = $t->works($t->get('/jobs?state=dead'), 'GET /jobs', 200);
is_deeply ids($j), [ $theirs, reverse @dead ], 'operators see those of all';
is $j->{data}[0]{error}, 'it broke';
is_deeply $j->{data}[0]{payload}, { n => 1 };
is_deeply ids($t->get("/jobs?state=dead&tenant=$Pando::Token::OTHER")->json), [$theirs];
is_deeply ids($t->get('/jobs?state=dead', %other)->json), [$theirs], 'a tenant sees its own';
is_deeply ids($t->get("/jobs?state=dead&tenant=$tenant", %other)->json), [$theirs],
    'whatever it asks for';
is_deeply ids($t->get('/jobs?state=ready&kind=toil.none')->json), [ $first, $ready ],
    'in the order in which they will be taken';
is_deeply ids($t->get('/jobs?state=dead&queue=none')->json), [], 'of a queue';
is_deeply ids($t->get('/jobs?state=dead&kind=toil.none&queue=toil&limit=1')->json), [$theirs];
my $page = $t->get('/jobs?state=dead&limit=3')->json;
is_deeply ids($t->get("/jobs?state=dead&limit=3&cursor=$page->{next}")->json), [ $dead[0] ],
    'page by page';
$t->works($t->get('/jobs'), 'GET /jobs', 200);
$t->fails($t->get('/jobs?state=ready'), 'GET /jobs', 'job_kind_missing', '/kind');

# one

is $t->works($t->get("/jobs/$ready"), 'GET /jobs/{id}', 200)->{kind}, 'toil.none';
is $t->get("/jobs/$ready", %other)->{status}, 404, 'another tenant does not see it';
$t->fails($t->get("/jobs/$Pando::Routes::NOBODY"), 'GET /jobs/{id}', 'not_found');
is $t->works($t->post("/jobs/$ready/cancel"), 'POST /jobs/{id}/cancel', 200)->{state}, 'canceled';
$t->fails($t->post("/jobs/$ready/cancel"), 'POST /jobs/{id}/cancel', 'illegal_transition');
is $t->works($t->post("/jobs/$ready/retry"), 'POST /jobs/{id}/retry', 200)->{state}, 'ready';
$t->fails($t->post("/jobs/$ready/retry"), 'POST /jobs/{id}/retry', 'illegal_transition');
for ('retry', 'cancel') {
    is $t->post("/jobs/$dead[0]/$_", undef, %other)->{status}, 404, "nor does it: $_";
    $t->fails($t->post("/jobs/$Pando::Routes::NOBODY/$_"), "POST /jobs/{id}/$_", 'not_found');
}
is $t->post("/jobs/$theirs/retry", undef, %other)->json->{attempts}, 0, 'its own it may repair';
is enqueue('dead', 'toil.none', tenant => $Pando::Token::OTHER) ? 1 : 0, 1;

# many

is $t->works($t->post('/jobs/bulk', { op => 'retry', kind => 'toil.none', tenant => $tenant,
    per_second => 1 }), 'POST /jobs/bulk', 200)->{jobs}, 3, 'run again';
is $p->sql("select round(extract(epoch from max(run_at) - min(run_at))) from pando.jobs
    where id = any (?)", \@dead), 2, 'one a second';
is $t->post('/jobs/bulk', { op => 'retry' }, %other)->json->{jobs}, 1, 'a tenant: its own';
is $t->post('/jobs/bulk', { op => 'cancel', kind => 'toil.none' }, %other)->json->{jobs}, 2;
is $t->post('/jobs/bulk', { op => 'cancel', kind => 'toil.none', queue => 'other' })->json->{jobs},
    0, 'of a queue';
is $t->post('/jobs/bulk', { op => 'cancel', kind => 'toil.none' })->json->{jobs}, 5, 'canceled';
$t->fails($t->post('/jobs/bulk', { op => 'cancel' }), 'POST /jobs/bulk', 'job_kind_missing',
    '/kind');

# queues

enqueue('ready', 'toil.none') for 1 .. 4;
enqueue('dead', 'toil.none') for 1 .. 2;
$p->sql("update pando.jobs set run_at = now() - interval '1 min' where kind = 'toil.none'
    and state = 'ready'");

sub queue
{
    my ($r) = @_;
    my ($q) = grep { $_->{queue} eq 'toil' } @{ $r->{data} };
    return $q;
}

my $q = queue($t->works($t->get('/job-queues'), 'GET /job-queues', 200));
is "$q->{ready} $q->{dead} $q->{weight}", '4 2 1', 'what waits and what died';
ok !$q->{paused};
$t->fails($t->get('/job-queues', %other), 'GET /job-queues', 'forbidden');

my $set = 'PATCH /job-queues/{queue}';
$t->fails($t->patch('/job-queues/toil', {}, %other), $set, 'forbidden');
$t->fails($t->patch('/job-queues/toil', { weight => 0 }), $set, 'weight_invalid', '/weight');
$t->fails($t->patch('/job-queues/Toil', {}), $set, 'queue_invalid');
is $t->get('/jobs', token => { scope => 'scheduler:write' })->{status}, 403;

$t->all_provoked('scheduler_jobs.c');

done_testing;
