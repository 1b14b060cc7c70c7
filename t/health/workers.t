# Workers that stand still: one is replaced by its siblings, whose requests go
# on; where half of them do, none is.

use Pando;
use POSIX ();
use Time::HiRes qw(sleep time);

my $ours = $Pando::Token::TENANT;
my $p = Pando->new(workers => 8, redis => undef, domains => [ 'health', 'nurse' ],
    http => "pando_set health.replace_after 3;\npando_set health.tenant $ours;");
my @pids;

$p->wait_for(sub { @pids = $p->worker_pids; @pids == 8 });

sub shot { my ($pid) = @_; $p->expect(qr/worker process $pid exited on signal/) }
sub now { my %now = map { $_ => 1 } $p->worker_pids; grep { $now{$_} } @_ }

# Probes are asked by a client that asks again where a stopped worker has
# taken its connection.
sub asks
{
    my ($seconds) = @_;
    my ($n, $bad, $until) = (0, 0, time + $seconds);

    while (time < $until) {
        my @r = grep { $_->{status} }
            $p->parallel(map { [ GET => '/livez', timeout => 1 ] } 1 .. 4);
        $n += @r;
        $bad += grep { $_->{status} != 200 } @r;
    }

    return ($n, $bad);
}

ok $p->wait_for(sub { $p->get('/startupz')->{status} == 200 }), 'it works';


# five of eight: more than a sibling could mend

kill 'STOP', @pids[0 .. 4];
ok $p->wait_for(sub { grep { $_->{status} == 503 }
    $p->parallel(map { [ GET => '/livez', timeout => 1 ] } 1 .. 6) }, 60),
    'five of eight: not live';
kill 'CONT', @pids[0 .. 4];
is scalar(now(@pids)), 8, 'but none is replaced';
ok $p->wait_for(sub { $p->get('/livez')->{body} eq "live\n" }, 10), 'they go on';
is scalar(now(@pids)), 8;


# one of them

shot('\d+');
my $at = time;
my $blocked = fork // die;

if (!$blocked) {
    $p->post('/api/v1/nurse/block/3', undef, timeout => 40);
    POSIX::_exit(0);
}

my ($n, $bad) = asks(8);
cmp_ok $n, '>', 20, 'one of eight is kept from turning: its siblings live';
is $bad, 0, 'and say so';
ok $p->wait_for(sub { scalar(now(@pids)) == 7 }, 60), 'it is ended';
cmp_ok time - $at, '>', 3, 'not at once';
waitpid $blocked, 0;
ok $p->wait_for(sub { (() = $p->worker_pids) == 8 }, 10), 'the master starts another';
is scalar(now(@pids)), 7, 'for it alone';
ok $p->wait_for(sub { $p->get('/livez')->{body} eq "live\n" }, 10), 'all live';
like $p->log, qr/worker (\d) \(\d+ s\) stands still and is asked to quit/;
like $p->log, qr/worker \d \(\d+ s\) stands still and is killed/;
like $p->log, qr/was here:\n(?:.*\n){1,9}.*nurse/, 'where it stood is in the log';
is $p->sql(q{select count(*) from pando.outbox where type = 'recovery.attempted'
    and data ->> 'action' = 'replace_worker' and tenant_id = ?}, $ours), 1, 'it is told, once';


# seen, where it is not replaced so soon

$p->configure(http => "pando_set health.replace_after 40;\npando_set health.tenant $ours;");
$p->reload;
@pids = $p->worker_pids;
shot($pids[2]);
kill 'STOP', $pids[2];
ok $p->wait_for(sub { grep { ($_->{body} // '') =~ /^live, but for worker \d \(\d+ s\)$/ }
    $p->parallel(map { [ GET => '/livez', timeout => 1 ] } 1 .. 4) }, 60), 'it is named';
my $status = q{select status from health.components where tenant_id = ? and component = 'workers'};
ok $p->wait_for(sub { ($p->sql($status, $ours) // '') eq 'partial_outage' }, 30),
    'and a component of the operators';
kill 'CONT', $pids[2];
ok $p->wait_for(sub { ($p->sql($status, $ours) // '') eq 'operational' }, 30), 'until it goes on';
$p->configure(http => "pando_set health.replace_after 3;\npando_set health.tenant $ours;");
$p->reload;


# the one that runs the checks

@pids = $p->worker_pids;
my ($first) = sort { $a <=> $b } @pids;
shot($first);
kill 'STOP', $first;
ok $p->wait_for(sub { !now($first) }, 40), 'the worker that runs the checks is no other';
ok $p->wait_for(sub { $p->get('/readyz', timeout => 2)->{status} == 200 }, 20), 'and is replaced';


# asked never

$p->configure(http => 'pando_set health.replace_after 0;');
$p->reload;
@pids = $p->worker_pids;
kill 'STOP', $pids[0];
sleep 7;
kill 'CONT', $pids[0];
is scalar(now(@pids)), 8, 'switched off: nobody is replaced';

done_testing;
