# What recovery actions do to a node: its connections are made anew while
# requests go on, what it keeps is read again, it drains; and which node does
# it, and when none does.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Ward;

my $operators = "pando_set health.tenant $Pando::Token::TENANT;";
my $t = Ward->new(workers => 2, http => "$operators\npando_set health.node first;");
my $p = $t->{p};
my %now = (held_s => 0, cooldown_s => 0, per_hour => 60, attempts => 60, verify_s => 0);
my $count = 0;

sub rule
{
    my ($action, %more) = @_;
    return $t->post('/recovery-actions', { name => 'r' . ++$count, component => 'storage',
        action => $action, guard => \%now, enabled => \0, %more });
}

# Done by hand, and over with.
sub done
{
    my ($r) = @_;
    my $run = $t->post('/recovery-actions/' . $r->json->{id} . '/run')->json;

    $p->sql('select health.judge_runs()');
    return "$run->{outcome} " . ($run->{says} // '');
}

# What keeps a node from taking requests.
sub failing { my $r = $_[0]->get('/readyz'); $r->{status} == 200 ? '' : $r->json->{failing} }

sub backends { map { $_->[0] } $p->sql(q{select pid from pg_stat_activity
    where datname = current_database() and application_name = 'pando' order by 1}) }


# what an action is done to

for ([ call => {}, 'target_invalid' ], [ call => { module => 'health', target => 'x' },
     'target_invalid' ], [ drain_node => { target => 'first' }, 'target_invalid' ],
     [ drain_node => { module => 'health' }, 'target_invalid' ],
     [ reset_breaker => {}, 'target_invalid' ], [ run_schedule => {}, 'target_invalid' ],
     [ retry_dead_jobs => {}, 'target_invalid' ], [ webhook => {}, 'target_invalid' ],
     [ reboot => {}, 'invalid' ])
{
    my ($action, $more, $code) = @$_;
    is rule($action, %$more)->json->{code}, $code, "$action: " . join ' ', %$more;
}


# connections

ok $p->wait_for(sub { $p->get('/startupz')->{status} == 200 }, 30), 'it has started';
ok $p->wait_for(sub { backends() >= 6 }, 30), 'connections' or diag join ' ', backends();
my @before = backends();
my $slow = fork // die;

if (!$slow) {
    require POSIX;
    my @r = $p->parallel(map { [ GET => '/api/v1/service-health', token => $t->{token} ] }
                         1 .. 200);
    POSIX::_exit(scalar grep { $_->{status} != 200 } @r);
}

is done(rule('recycle_pool', target => 'nothing')), 'failed there is no such database';
is done(rule('reset_breaker', target => '127.0.0.1:9')), 'failed the host is not left alone';
is done(rule('recycle_pool')), "running the node's connections are made anew";
waitpid $slow, 0;
is $?, 0, 'who was at work was not disturbed';
my %old = map { $_ => 1 } @before;
# But one of each worker, which listens to events and is at work all the time.
ok $p->wait_for(sub { $t->get('/service-health'); 2 >= grep { $old{$_} } backends() }, 30),
    'all are others, of every worker' or diag join("\n", "was @before", map { "@$_" } $p->sql(q{
        select pid, state, backend_start, query from pg_stat_activity
        where application_name = 'pando' and datname = current_database()}));
is $t->get('/service-health')->{status}, 200;


# what the node keeps

my $id = $t->check('storage');
is $t->public('/status')->json->{status}, 'unknown';
$t->found($id, 'pass');
is $t->public('/status')->json->{status}, 'unknown', 'kept for a while';
is done(rule('reload_snapshot')), 'running what the node keeps is read anew';
is $t->public('/status')->json->{status}, 'operational', 'built anew';

is done(rule('replace_worker')), 'failed no worker stands still';
like done(rule('run_schedule', target => 'nightly')), qr/^failed /, 'where nothing can do it';


# jobs

$p->sql(q{select pando.enqueue('nurse.wash', '{}') from generate_series(1, 3)});
$p->sql(q{update pando.jobs set state = 'dead', ended_at = now() where kind = 'nurse.wash'});
is done(rule('retry_dead_jobs', target => 'nurse.feed')), 'running 0 jobs are tried again';
is done(rule('retry_dead_jobs', target => 'nurse.wash')), 'running 3 jobs are tried again';
is $p->sql(q{select count(*) from pando.jobs where kind = 'nurse.wash' and state = 'ready'}), 3;


# drained

is done(rule('drain_node')), 'running the node drains', 'by hand: whoever is asked';
is failing($p), 'draining';
ok $p->wait_for(sub { $t->told('node.drained') }, 30), 'nothing is in flight: told';
my $r;                                  # one that is answered may still be logged
$p->wait_for(sub { $r = $t->post('/nodes/first/drain')->json; $r->{in_flight} == 0 }, 30);
is_deeply $r, { draining => JSON::PP::true, drained => JSON::PP::true, in_flight => 0 };
$r = $t->post('/nodes/first/undrain')->json;
is_deeply [ map { $_ ? 1 : 0 } @$r{qw(draining drained)} ], [ 0, 0 ];
is failing($p), '';

my $q = Pando->new(workers => 1, redis => undef, http => "$operators\npando_set health.node next;");
ok $p->wait_for(sub { $t->post('/nodes/next/drain')->{status} == 200 }, 20), 'by another node';
ok $q->wait_for(sub { failing($q) eq 'draining' }, 30), 'which hears of it';
is $t->post('/nodes/nowhere/drain')->json->{code}, 'node_unknown';
$r = $q->post('/api/v1/nodes/next/undrain', undef, token => { scope => 'health:admin' });
is $r->{status}, 200;
ok $q->wait_for(sub { failing($q) eq '' }, 30), 'its own word is the last';
ok $p->wait_for(sub { $p->sql('select count(*) from health.nodes where ready') == 2 }, 30),
    'both are ready' or diag $_->get('/readyz')->{body} for $p, $q;


# which node does it: as the database sees it, without the nodes

$_->stop for $p, $q;
my ($first, $next, $third, $fourth) = map { sprintf '0190a1b2-0000-7000-8000-0000000000%02d', $_ }
    1 .. 4;

sub nodes
{
    my (%ready) = @_;
    $p->sql('delete from health.nodes');
    $p->sql(q{insert into health.nodes (id, name, ready, draining, seen_at)
        values (?, 'x', ?, false, now() + interval '1 h')}, $_, $ready{$_}) for keys %ready;
}

sub sees
{
    my ($node, $state) = @_;
    $p->sql(q{select health.record(?, array[?::uuid], array[?::bigint], array[?], array[3::bigint],
        array['said'], array[?], array[0::bigint])}, $node, $id, int(1e6 * time), $state, $state);
}

sub claims
{
    my ($node) = @_;
    my $run = $p->sql('select run from health.recovery_claim(?)', $node) // return 0;
    $p->sql(q{select health.recovery_end(?, 'helped')}, $run);
    return 1;
}

sub only
{
    my ($action) = @_;
    $p->sql('update health.recovery_rules set enabled = (action = ?)', $action);
    return join ' ', map { claims($_) } $first, $next, $third;
}

$p->sql(q{update health.recovery_rules set target = null where action = 'recycle_pool'});
nodes($first => 1, $next => 1, $third => 1);
sees($_, 'fail') for $first, $next;
is only('recycle_pool'), '1 1 0', 'who sees it fail repairs itself';
is only('drain_node'), '1 1 0', 'or drains';
nodes($first => 0, $next => 1, $third => 1);
is only('recycle_pool'), '1 1 0', 'one of three is not ready: yet a repair';
nodes($first => 0, $next => 0, $third => 1);
is only('recycle_pool'), '0 0 0', 'two of three: none';
nodes($first => 0);
is only('recycle_pool'), '1 1 0', 'the only node there is, whether it is ready or not';
is only('drain_node'), '0 0 0', 'but it is never drained';
nodes($first => 1, $next => 0, $third => 1, $fourth => 1);
is only('drain_node'), '1 1 0', 'one of four is out: another may go';
nodes($first => 1, $next => 0, $third => 0, $fourth => 1);
is only('drain_node'), '0 0 0', 'not a third one';

$p->sql('delete from health.views');
nodes($first => 1, $next => 1, $third => 1);
is only('reload_snapshot'), '1 1 1', 'none has seen it by itself: whoever comes first';
is only('drain_node'), '0 0 0', 'but for nothing no node drains';

$p->start;
$t->events_sound;

done_testing;
