# Workers that stand still: one is replaced by its siblings, whose requests go
# on; where half of them do, none is.

use Pando;
use Time::HiRes qw(sleep time);

my $ours = $Pando::Token::TENANT;
my $p = Pando->new(workers => 4, redis => undef,
    http => "pando_set health.replace_after 3;\npando_set health.tenant $ours;");
my @pids;

$p->wait_for(sub { @pids = $p->worker_pids; @pids == 4 });

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


# half of them: more than a sibling could mend

kill 'STOP', @pids[0, 1];
sleep 8;
kill 'CONT', @pids[0, 1];
is scalar(now(@pids)), 4, 'two of four stand still: none is replaced';
ok $p->wait_for(sub { $p->get('/livez')->{body} eq "live\n" }, 10), 'they go on';
is scalar(now(@pids)), 4;


# one of them

shot($pids[2]);
kill 'STOP', $pids[2];
my $at = time;
my ($n, $bad) = asks(4);
cmp_ok $n, '>', 20, 'its siblings live';
is $bad, 0, 'and say so';
ok $p->wait_for(sub { !now($pids[2]) }, 40), 'one of four stands still: it is ended';
my $took = time - $at;
cmp_ok $took, '>', 3, sprintf 'not at once, but after %.1f s', $took;
ok $p->wait_for(sub { (() = $p->worker_pids) == 4 }, 10), 'the master starts another';
is scalar(now(@pids)), 3, 'for it alone';
ok $p->wait_for(sub { $p->get('/livez')->{body} eq "live\n" }, 10), 'all live';
like $p->log, qr/worker 2 \(\d+ s\) stands still and is asked to quit/;
like $p->log, qr/worker 2 \(\d+ s\) stands still and is killed/;
is $p->sql(q{select count(*) from pando.outbox where type = 'recovery.attempted'
    and data ->> 'action' = 'replace_worker' and tenant_id = ?}, $ours), 1, 'it is told, once';


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
is scalar(now(@pids)), 4, 'switched off: nobody is replaced';

done_testing;
