# Probes: what they say while the database is there, gone and back, while
# workers stand still, and that they ask nobody for it.

use Pando;
use Time::HiRes qw(time sleep);

my $pg = Pando::Server->postgres;
my %set = (workers => 4, database => $pg->conninfo, redis => undef,
    http => "pando_set health.probe_interval 1;\npando_set health.probe_timeout 200;");
my $p = Pando->new(%set);
my %reads = (token => { scope => 'health:read' });
my @pids;

$p->wait_for(sub { @pids = $p->worker_pids; @pids == 4 });

sub status { $p->get($_[0])->{status} }


# started

ok $p->wait_for(sub { status('/startupz') == 200 }), 'it starts';
ok $p->wait_for(sub { ($p->get('/api/v1/health')->json->{status} // '') eq 'pass' }),
    'and is well';

my $r = $p->get('/livez');
is $r->{status}, 200;
is $r->{body}, "live\n", 'one line';
like $r->header('content-type'), qr{^text/plain};
is $r->header('cache-control'), 'no-store';
is $p->get('/readyz')->{body}, "ready\n";
is $p->get('/healthz')->{body}, "ready\n", 'healthz is readyz';
is $p->request('HEAD', '/livez')->{status}, 200;
is $p->post('/livez', {})->{status}, 405;


# who sees what

is $p->get('/readyz?verbose')->{status}, 401, 'details are not for all';
is $p->get('/readyz?verbose', token => { scope => 'categories:read' })->{status}, 403;
is $p->get('/healthz?verbose')->{status}, 401;
is $p->get('/healthz?verbose', token => { scope => 'categories:read' })->{status}, 403;
$r = $p->get('/readyz?verbose', %reads);
is $r->{status}, 200;
is $r->{body}, "[+]database pass\nready\n", 'each check, for who holds health:read';
my ($db) = @{ $p->get('/api/v1/health', %reads)->json->{checks}{'database:responseTime'} };
is $db->{status}, 'pass', 'and in the document';
cmp_ok $db->{age_ms}, '<', 3000, 'seen lately';

$r = $p->get('/api/v1/health')->json;
ok !exists $r->{checks}, 'without the scope no details';
is $r->{version}, '1';
ok $p->get('/api/v1/health', %reads)->json->{checks}, 'with it all';
is $p->get('/api/v1/health/health')->json->{serviceId}, 'health';
is $p->get('/api/health/health')->{status}, 200, 'the alias';
$r = $p->get('/api/v1/health/hats');
is $r->{status}, 404;
is $r->json->{code}, 'module_not_enabled';


# they ask nobody

sub asked
{
    $pg->{dbh} //= DBI->connect('dbi:Pg:' . $pg->conninfo, '', '', { RaiseError => 1 });
    return $pg->{dbh}->selectrow_array(q{select sum(calls) from (select xact_commit + xact_rollback
        as calls from pg_stat_database where datname = 'pando') x});
}

my ($began, $before) = (time, asked());

for (1 .. 20) {
    my @r = $p->parallel(map { [ GET => $_ % 2 ? '/livez' : '/readyz' ] } 1 .. 50);
    is scalar(grep { $_->{status} != 200 } @r), 0, 'fifty probes answered' if $_ == 20;
}

$p->wait_for(sub { asked() > $before }, 3);
my $n = asked() - $before;
my $took = time - $began;
cmp_ok $n, '<', 60 + 12 * $took, "1000 probes in $took s: $n transactions, those of the ticks";


# without a database

$pg->stop('immediate');
delete $pg->{dbh};
ok $p->wait_for(sub { $p->get('/api/v1/health')->{status} == 503 }, 10),
    'the database gone: the system is not well';
is $p->get('/api/v1/health')->json->{status}, 'fail';
is $p->get('/api/v1/health/health')->{status}, 503, 'nor is a module';

for (1 .. 20) {
    is_deeply [ map { status($_) } qw(/livez /readyz) ], [ 200, 200 ],
        'live, and ready for what goes without it' if $_ % 10 == 0;
}

is_deeply [ $p->worker_pids ], \@pids, 'no worker was started anew';
is $p->get('/readyz?verbose', %reads)->{status}, 200;
($db) = @{ $p->get('/api/v1/health', %reads)->json->{checks}{'database:responseTime'} };
is $db->{status}, 'fail';
is $db->{output}, 'the database does not answer', 'no host, no user, no text of libpq';

$p->configure(http => "$set{http}\npando_set health.ready_without_db off;");
$p->reload;
ok $p->wait_for(sub { status('/readyz') == 503 }, 10), 'where nothing goes without it: not ready';
$r = $p->get('/readyz')->json;
is $r->{code}, 'not_ready';
is $r->{failing}, 'database', 'and why';
is $p->get('/healthz')->json->{code}, 'not_ready';
is status('/livez'), 200, 'live all the while';
$r = $p->get('/readyz?verbose', %reads);
is $r->{status}, 503;
is $r->{body}, "[-]database fail: the database does not answer\nnot ready: database\n";
is status('/startupz'), 200, 'it has started, and over a reload that stays';

@pids = $p->worker_pids;
$pg->start;
ok $p->wait_for(sub { status('/readyz') == 200 }, 20), 'ready again when it is back';
ok $p->wait_for(sub { $p->get('/api/v1/health')->{status} == 200 }), 'and well';
is_deeply [ $p->worker_pids ], \@pids, 'by the same workers';


# frozen: neither answers nor refuses

$pg->freeze;
ok $p->wait_for(sub { status('/readyz') == 503 }, 10), 'frozen: not ready';
is status('/livez'), 200;
$pg->thaw;
ok $p->wait_for(sub { status('/readyz') == 200 }, 20), 'thawed: ready';


# draining

my %admin = (token => { scope => 'health:admin' });

is $p->post('/api/v1/nodes/another/drain', undef, %admin)->json->{code}, 'node_unknown';
is $p->post('/api/v1/nodes/another/undrain', undef, %admin)->json->{code}, 'node_unknown';
is $p->post('/api/v1/nodes/local/drain', undef, %reads)->{status}, 403;
$r = $p->post('/api/v1/nodes/local/drain', undef, %admin);
is $r->{status}, 200;
ok $r->json->{draining};

is_deeply [ map { my $r = $p->get('/readyz'); $r->{status} } 1 .. 8 ], [ (503) x 8 ],
    'draining: not ready, whichever worker answers';
is $p->get('/readyz')->json->{failing}, 'draining';
is status('/livez'), 200, 'but live';
is $p->get('/api/v1/health')->json->{status}, 'warn';
$p->post('/api/v1/nodes/local/undrain', undef, %admin);
is status('/readyz'), 200;

my $ours = '0190a1b2-0000-7000-8000-00000000000a';
$p->configure(http => "$set{http}\npando_set health.tenant $ours;");
$p->reload;

for my $do (qw(drain undrain)) {
    is $p->post("/api/v1/nodes/local/$do", undef, %admin)->{status}, 403,
        "an administrator of another tenant does not $do it";
    is $p->post("/api/v1/nodes/local/$do", undef,
                token => { scope => 'health:admin', tid => $ours })->{status}, 200;
}

is $p->get('/readyz?verbose', %reads)->{status}, 403, 'nor sees its details';
ok !exists $p->get('/api/v1/health', %reads)->json->{checks}, 'anywhere';


# workers that stand still

# The kernel may hand a connection to one that does not take it: of several,
# those that are answered count.
sub live
{
    my ($r) = grep { $_->{status} }
        $p->parallel(map { [ GET => '/livez', timeout => 1 ] } 1 .. 6);
    return $r // { status => 0, body => '' };
}

@pids = $p->worker_pids;
kill 'STOP', $pids[0];
ok $p->wait_for(sub { live()->{body} =~ /^live, but for worker \d \(\d+ s\)$/ }, 30),
    'one of four stands still: its siblings live and name it';
is live()->{status}, 200;
kill 'STOP', $pids[1];
ok $p->wait_for(sub { live()->{status} == 503 }, 30), 'two of four: no longer live';
is live()->json->{code}, 'workers_stuck';
kill 'CONT', @pids[0, 1];
ok $p->wait_for(sub { live()->{body} eq "live\n" }, 10), 'they go on: live';
is_deeply [ $p->worker_pids ], \@pids;


# before it ever found its database

my $away = Pando->new(%set, database => 'host=/nonexistent dbname=none');
is $away->get('/startupz')->{status}, 503;
is $away->get('/startupz')->json->{code}, 'starting';
is $away->get('/readyz')->json->{failing}, 'starting';
is $away->get('/livez')->{status}, 200, 'live';

done_testing;
