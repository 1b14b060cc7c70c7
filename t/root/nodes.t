# Two nodes on one database and one Redis: what one changes is void on the
# other, whatever becomes of Redis meanwhile.

use Pando;
use Pando::Server;

my $mine = $Pando::Token::TENANT;
my $redis = Pando::Server->redis;
my %set = (domains => ['probe'], workers => 2, redis => $redis->socket,
    server => "pando_tenant $mine; location = /metrics { pando_exposition; }");
my ($a, $b) = map { Pando->new(%set) } 1 .. 2;
my $api = '/api/v1/probes';

sub change
{
    my ($node, $id, $name, $how) = @_;
    return $node->put("$api/kept/$id", { name => $name,
                                         how => $how // 'commit' })->{status};
}

sub name_of
{
    my ($node, $id) = @_;
    return $node->get("$api/kept/$id")->json->{name};
}

sub build { $_[0]->get("$api/kept/$_[1]")->json->{build} }

sub shows
{
    my ($node, $id, $name) = @_;
    return $node->wait_for(sub { name_of($node, $id) eq $name }, 15);
}

sub metric
{
    my ($node, $name) = @_;
    my ($value) = $node->get('/metrics')->{body} =~ /^$name (\S+)/m;
    return $value;
}

sub ready
{
    return $a->wait_for(sub {
        metric($a, 'pando_redis_up') == 1 && metric($b, 'pando_redis_up') == 1
    }, 15) && $a->wait_for(sub {
        qx(redis-cli -s @{[ $redis->socket ]} pubsub numsub pando:voids:0)
            =~ /\b4\s*$/;
    }, 15);
}

my ($id, $other) = map {
    $a->post($api, { name => $_ }, token => { scope => 'probe:write' })
        ->json->{id}
} 'one', 'two';

ok ready(), 'four workers hear one another';
is name_of($_, $id), 'one' for $a, $b;
is change($a, $id, 'first'), 204;
ok shows($b, $id, 'first');
my $kept = build($b, $other);

is change($a, $id, 'changed'), 204;
is name_of($a, $id), 'changed', 'the node itself shows it at once';
ok shows($b, $id, 'changed'), 'the other one moments later';
is build($b, $other), $kept, 'and keeps what was not changed';

is change($b, $id, 'by event', 'event'), 204;
ok shows($a, $id, 'by event'), 'an event goes the other way';

is change($a, $id, 'not so', 'fail'), 404;
is change($a, $other, 'told'), 204;
ok shows($b, $other, 'told');
is name_of($b, $id), 'by event', 'what was rolled back is told to nobody';

for my $n (1 .. 30) {
    change($n % 2 ? $a : $b, $id, "change $n");
}
ok shows($_, $id, 'change 30'), 'many changes of both' for $a, $b;


# messages lost

build($b, $_) for $id, $other;
for my $n (1 .. 10) {
    qx(redis-cli -s @{[ $redis->socket ]} client kill type pubsub);
    change($a, $id, "lost $n");
    ok shows($b, $id, "lost $n"), "nobody heard change $n, but it is seen";
}
ok ready();


# Redis killed, then there without its data

build($b, $_) for $id, $other;
$redis->kill;
$a->wait_for(sub { metric($a, 'pando_redis_up') == 0 });
is change($a, $id, 'away'), 204, 'without Redis changes go on';
is name_of($a, $id), 'away';
$redis->start;
ok shows($b, $id, 'away'), 'the other node sees them when it is back';
ok ready();
is change($b, $id, 'back'), 204;
ok shows($a, $id, 'back');

build($b, $id);
qx(redis-cli -s @{[ $redis->socket ]} flushall);
is change($a, $id, 'flushed'), 204;
ok shows($b, $id, 'flushed'), 'nor does it matter that Redis forgets';
is change($a, $id, 'flushed again'), 204;
ok shows($b, $id, 'flushed again');


# frozen while a change is made

build($b, $id);
$redis->freeze;
is change($a, $id, 'frozen'), 204, 'a frozen Redis holds up no change';
is name_of($a, $id), 'frozen';
$a->wait_for(sub { metric($a, 'pando_redis_up') == 0 });
$redis->thaw;
ok shows($b, $id, 'frozen'), 'which is seen when it is thawed';
ok ready();


# a worker that dies before it is known whether its change is committed

build($b, $_) for $id, $other;
my $was = build($b, $other);
$a->sql('select pg_advisory_lock(43)');
my $pid = fork // die "fork: $!\n";

if (!$pid) {
    eval { change($a, $id, 'doubt', 'hold') };
    require POSIX;
    POSIX::_exit(0);
}

$a->wait_for(sub {
    $a->sql("select count(*) from pg_locks
              where locktype = 'advisory' and not granted");
});
$a->kill_worker('KILL', $_) for $a->worker_pids;
waitpid $pid, 0;
ok $b->wait_for(sub { build($b, $other) != $was }, 15),
    'a worker that dies in doubt voids all, on the other node too';
$a->sql('select pg_advisory_unlock(43)');

done_testing;
