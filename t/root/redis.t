# Redis: commands of flows over one connection of each worker, messages to
# who listens, and what becomes of both when it is killed, frozen or empty.

use Pando;
use Pando::Server;
use Time::HiRes qw(time);

my $redis = Pando::Server->redis;
my $p = Pando->new(domains => ['probe'], workers => 2,
    redis => $redis->socket,
    server => 'location = /metrics { pando_exposition; }');
my $api = '/api/v1/probes/redis';

sub command { $p->post("$api/command", { words => [ map { "$_" } @_ ] }) }
sub reply   { my $r = command(@_); $r->{status} == 200 ? $r->json->{reply}
                                                       : $r->{status} }

sub metrics
{
    return { map { /^(pando_\w+) (\S+)/ ? ($1, $2) : () }
             split /\n/, $p->get('/metrics')->{body} };
}

sub up { metrics()->{pando_redis_up} }
sub ready
{
    return $p->wait_for(sub { up() == 1 && reply('PING') eq 'PONG' }, 15);
}

sub quiet
{
    my ($what) = @_;
    my $m;

    $p->wait_for(sub {
        $m = metrics();
        $m->{pando_redis_in_flight} == 0 && $m->{pando_flows_running} <= 1;
    });
    is $m->{pando_redis_in_flight}, 0, "$what: nothing is in flight";
    cmp_ok $m->{pando_flows_running}, '<=', 1, "$what: no flow is left";
}

# What each worker has heard, by its number.
sub heard
{
    my %heard;

    $p->wait_for(sub {
        my ($n, $text) = $p->get("$api/messages")->{body} =~ /^(\d+):(.*)/;
        $heard{$n} = $text;
        keys %heard >= 2;
    });

    return \%heard;
}

sub all_heard
{
    my ($what) = @_;
    return $p->wait_for(sub { !grep { !/$what/ } values %{ heard() } }, 15);
}

sub say_it { $p->post("$api/messages", { text => $_[0] })->{status} }


# commands

ok ready(), 'the workers are connected';
is reply('SET', 'a', 'one'), 'OK';
is reply('GET', 'a'), 'one', 'a text';
is reply('GET', 'none'), undef, 'nothing';
is reply('INCR', 'n'), 1, 'a number';
is_deeply reply('MGET', 'a', 'none', 'n'), [ 'one', undef, '1' ], 'a list';
is_deeply reply('EVAL', 'return {1,{2,{3,"x"}},{}}', 0), [1, [2, [3, 'x']], []],
    'lists of lists';
like reply('INCR', 'a')->{error}, qr/^ERR value is not/, 'an error';
is reply('SET', 'empty', ''), 'OK';
is reply('GET', 'empty'), '', 'an empty text';
is $p->get("$api/binary")->{body}, 'same', 'bytes come back as they were';

ok reply('EVAL', 'return string.rep("x", 3000000)', 0) eq 'x' x 3_000_000,
    'a large text';
is_deeply reply('LRANGE', 'nolist', 0, -1), [], 'an empty list';
reply('RPUSH', 'list', $_) for 1 .. 5;
is scalar @{ reply('EVAL', 'local t = {} for i = 1, 20000 do t[i] = i end'
    . ' return t', 0) }, 20000, 'a long list';

my @r = $p->parallel(map { [ POST => "$api/command",
    body => { words => [ 'ECHO', "text $_" ] } ] } 1 .. 300);
is scalar(grep { $r[$_]{status} == 200
                 && $r[$_]->json->{reply} eq 'text ' . ($_ + 1) } 0 .. $#r),
    300, 'each gets its own reply';

for my $words (['SUBSCRIBE', 'x'], ['MULTI'], ['blpop', 'x', 0], ['SELECT', 1],
               ['XREAD', 'BLOCK', 0, 'STREAMS', 's', '$'])
{
    is command(@$words)->{status}, 500, "$words->[0] is a bug";
}
$p->expect(qr/needs a connection of its own|a Redis command that waits/);
is reply('XREAD', 'COUNT', 1, 'STREAMS', 's', 0), undef, 'XREAD alone is not';
quiet('commands');


# messages

ok all_heard('probe=\(begins\)'), 'listening begins in every worker';
is say_it('hello'), 204;
ok all_heard('probe=hello'), 'what is said is heard by all';
reply('PUBLISH', 'probe', 'one'), reply('PUBLISH', 'probe', 'two');
ok all_heard('probe=one probe=two'), 'in its order';

is $p->post("$api/listeners", { text => 'once', n => 3 })->{status}, 204;
$p->wait_for(sub { reply('PUBSUB', 'NUMSUB', 'once')->[1] == 1 });
is reply('PUBLISH', 'once', 'first'), 1, 'a channel is subscribed to once';
ok $p->wait_for(sub {
    grep { 3 == (() = /once=first/g) } values %{ heard() };
}), 'however many listen';
ok $p->wait_for(sub { reply('PUBSUB', 'NUMSUB', 'once')->[1] == 0 }),
    'when nobody does any more it is given up';


# frozen

my $before = metrics();
$redis->freeze;
my $since = time;
is command('GET', 'a')->{status}, 503, 'frozen: no reply';
my $took = time - $since;
cmp_ok $took, '>=', 0.9, 'after a while';
cmp_ok $took, '<', 2.2 * $Pando::SLOW, "but in time ($took)";
@r = $p->parallel(map { [ POST => "$api/command",
    body => { words => [ 'ECHO', "old $_" ] } ] } 1 .. 60);
is scalar(grep { $_->{status} == 503 } @r), 60, 'nor for any other';
ok $p->wait_for(sub { up() == 0 }), 'which shows';
$since = time;
is command('GET', 'a')->{status}, 503 for 1 .. 20;
cmp_ok time - $since, '<', 5 * $Pando::SLOW, 'then nobody waits for it';

$redis->thaw;
ok ready(), 'thawed: it is back';
@r = $p->parallel(map { [ POST => "$api/command",
    body => { words => [ 'ECHO', "new $_" ] } ] } 1 .. 100);
is scalar(grep { $r[$_]{status} != 200
                 || $r[$_]->json->{reply} ne 'new ' . ($_ + 1) } 0 .. $#r), 0,
    'what came late is given to nobody';
cmp_ok metrics()->{pando_redis_failures_total}, '>=',
    $before->{pando_redis_failures_total} + 61, 'failures are counted';
is say_it('thawed'), 204;
ok all_heard('probe=thawed'), 'and messages are heard again';
quiet('frozen');

# a deadline of the flow's own, and a client that leaves

$p->configure(redis => undef, http =>
    "pando_redis default unix:@{[ $redis->socket ]} timeout=20s;");
$p->reload;
ok ready();
$redis->freeze;
$since = time;
is command('GET', 'a')->{status}, 503, 'the deadline of the flow ends it';
cmp_ok time - $since, '<', 8 * $Pando::SLOW;
my @gone = map { $p->socket } 1 .. 20;
my $body = '{"words":["INCR","late"]}';
syswrite $_, "POST $api/command HTTP/1.1\r\nHost: x\r\nContent-Type: "
    . "application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body"
    for @gone;
ok $p->wait_for(sub { metrics()->{pando_redis_in_flight} >= 20 });
close $_ for @gone;
ok $p->wait_for(sub { metrics()->{pando_flows_running} <= 1 }),
    'flows end, though their replies are still to come';
$redis->thaw;
ok $p->wait_for(sub { metrics()->{pando_redis_in_flight} == 0 });
@r = $p->parallel(map { [ POST => "$api/command",
    body => { words => [ 'ECHO', "next $_" ] } ] } 1 .. 50);
is scalar(grep { $r[$_]{status} != 200
                 || $r[$_]->json->{reply} ne 'next ' . ($_ + 1) } 0 .. $#r), 0,
    'late replies are nobody else\'s';
quiet('deadline');


# killed, and back without its data

$p->configure(redis => $redis->socket, http => '');
$p->reload;
ok ready();
is reply('SET', 'kept', 'x'), 'OK';
$redis->kill;
ok $p->wait_for(sub { up() == 0 }), 'killed: it shows';
is command('GET', 'kept')->{status}, 503, 'no reply';
is say_it('nobody hears'), 503, 'nothing can be said';
is $p->get('/api/v1/probes/gauges')->{status}, 200, 'the rest works';
$redis->start;
ok ready(), 'it is back';
is reply('GET', 'kept'), undef, 'empty';
ok $p->wait_for(sub {
    !grep { 2 > (() = /probe=\(begins\)/g) } values %{ heard() };
}, 15), 'who listens is told that it began anew';
is say_it('again'), 204;
ok all_heard('probe=again'), 'and hears';
quiet('killed');

# connections closed by the server, under load

my $told = 0;
for (1 .. 10) {
    @r = $p->parallel(map { [ POST => "$api/command", body => { words =>
        $_ % 20 ? [ 'ECHO', "text $_" ]
                : [ qw(CLIENT KILL TYPE normal SKIPME no) ] } ] } 1 .. 100);
    $told += grep { $r[$_]{status} == 200 && ($_ + 1) % 20
                    && $r[$_]->json->{reply} ne 'text ' . ($_ + 1) } 0 .. $#r;
    $told += grep { $_->{status} != 200 && $_->{status} != 503 } @r;
}
is $told, 0, 'closed under load: the right reply or none';
ok ready();
quiet('closed');

# replies that say it cannot serve

is reply('CONFIG', 'SET', 'maxmemory', '1'), 'OK';
is command('SET', 'more', 'x')->{status}, 503, 'out of memory: no reply';
ok $p->wait_for(sub {
    reply('CONFIG', 'SET', 'maxmemory', '0') eq 'OK'
        && reply('SET', 'more', 'x') eq 'OK'
}), 'and then it works again';
is reply('REPLICAOF', '127.0.0.1', '1'), 'OK';
is command('SET', 'more', 'y')->{status}, 503, 'read only: no reply';
ok $p->wait_for(sub {
    reply('REPLICAOF', 'NO', 'ONE') eq 'OK' && reply('SET', 'more', 'z') eq 'OK'
}), 'and then it is not';


# reload, and a worker that ends, while messages come

my $reply = reply('CLIENT', 'LIST');
my $open = () = $reply =~ /^id=/mg;
cmp_ok $open, '<=', 4, 'two connections of each worker';
$since = time;
$p->reload;
cmp_ok time - $since, '<', 5 * $Pando::SLOW, 'workers with it end at once';
ok $p->wait_for(sub {
    4 >= (() = reply('CLIENT', 'LIST') =~ /^id=/mg);
}), 'and leave no connection';

my @status;
my $pid = open(my $in, '-|') // die "fork: $!\n";

if (!$pid) {
    $| = 1;
    for (1 .. 60) {
        my @x = $p->parallel(map { [ POST => "$api/command",
            body => { words => [ 'ECHO', 'x' ] } ] } 1 .. 10);
        print map { "$_->{status}\n" } @x;
    }
    close STDOUT;
    require POSIX;
    POSIX::_exit(0);
}

$p->reload for 1 .. 3;
@status = <$in>;
close $in;
is scalar(grep { !/^200$/ } @status), 0, 'reload under load loses nothing';
$p->kill_worker('KILL');
ok ready(), 'after a worker was killed';
quiet('reload');


# settings

my $secret = $p->write('redis.secret', "open sesame\n");
my $closed = Pando::Server->redis;
my $path = $closed->socket;
is qx(redis-cli -s $path config set requirepass 'open sesame'), "OK\n";

sub with
{
    my ($setting) = @_;
    $p->configure(redis => undef, http => $setting);
    $p->reload;
}

with("pando_redis default unix:$path password=$secret db=3;");
ok ready(), 'with a password';
reply('SET', 'where', 'three');
is qx(redis-cli -s $path -a 'open sesame' --no-auth-warning -n 3 get where),
    "three\n", 'and a database';

with("pando_redis default unix:$path;");
ok $p->wait_for(sub { $p->log =~ /cannot be reached, for commands: NOAUTH/ }),
    'without a password it is away, and the log says why';
is command('GET', 'where')->{status}, 503;

with("pando_redis default unix:$path password=$secret db=99;");
ok $p->wait_for(sub { $p->log =~ /for commands: ERR DB index/ }),
    'a database that is not there';
is command('SET', 'where', 'nowhere')->{status}, 503,
    'nothing is said to another';

with('');
is command('GET', 'a')->{status}, 503, 'without Redis there is no reply';
is say_it('x'), 503;

$p->write('empty', '');
$p->expect(qr/\[emerg\].* in \S+nginx\.conf:\d+/);
for (['main unix:/x', qr/its name is default/],
     ['default unix:/x timeout=soon', qr/must be a time, such as 1s/],
     ['default unix:/x db=x', qr/must be the number of a database/],
     ['default unix:/x in_flight=0', qr/must be a number from 1/],
     ['default unix:/x pool=3', qr/is no option of pando_redis: it takes db=/],
     ['default unix:/x password=none', qr/cannot be opened/],
     ["default unix:/x password=$p->{dir}/empty", qr/must begin with a line/],
     ['default unix:/x user=u', qr/has a user, but no password/],
     ['default 127.0.0.1:99999', qr/invalid port/],
     ['default no.such.host.invalid:1', qr/host not found/],
     ['default rediss://127.0.0.1', qr/asks for TLS/],
     ['default redis://127.0.0.1/x', qr/must end in the number/],
     ["default unix:/x;\npando_redis default unix:/y", qr/is duplicate/])
{
    my ($setting, $why) = @$_;
    $p->configure(http => "pando_redis $setting;");
    my ($said, $ok) = $p->check;
    ok !$ok && $said =~ $why && $said =~ /nginx\.conf:\d+/,
        "pando_redis $setting" or diag $said;
}

for ('redis://127.0.0.1:6390/2', 'redis://:p%40ss@127.0.0.1', '127.0.0.1',
     'redis://u:p@127.0.0.1:1', '"[::1]:6379"')
{
    $p->configure(http => "pando_redis default $_;");
    my ($said, $ok) = $p->check;
    ok $ok, "pando_redis default $_" or diag $said;
}

$p->configure(http => '');

done_testing;
