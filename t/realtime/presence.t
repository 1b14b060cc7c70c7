# Who is in a channel: a user once however many tabs he has, no flicker when he
# comes back, gone for good after a while, or with the node that he was on; and
# numbers instead of names where there are many.

use FindBin;
use lib $FindBin::Bin;

use Pando;
use Pando::Server;
use Talk;

my $redis = Pando::Server->redis;
my %set = (workers => 2, redis => $redis->socket, http => 'pando_set realtime.presence_lease_ms
    3000; pando_set realtime.presence_members 6; pando_set realtime.connections 100;');
my ($a, $b) = map { Pando->new(%set) } 1 .. 2;
my $api = '/api/v1/realtime';
my $room = 'room:1';

$b->write('keys.json', $a->log('keys.json'));
$b->reload;

for ({ prefix => 'room', presence => JSON::PP::true, join_leave => JSON::PP::true },
     { prefix => 'quiet', presence => JSON::PP::true })
{
    my $r = $a->post("$api/namespaces", $_, token => { scope => 'realtime:admin' });
    is $r->{status}, 201, 'a namespace' or diag $r->{raw};
}

sub id { sprintf '01939bd0-0000-7000-8000-%012d', $_[0] }

sub member
{
    my ($node, $n, $channel) = @_;
    my $t = Talk->new($node, token => $a->token(sub => id($n), scope => 'realtime:read'));
    my $r = $t->ask('subscribe', channel => $channel // $room);

    is $r->{type}, 'reply', "user $n comes" or diag explain $r;
    $t->ask('presence', channel => $channel // $room);
    return $t;
}

sub there
{
    my ($node, $channel) = @_;
    my $r = $node->get("$api/channels/" . ($channel // $room) . '/presence',
        token => $a->token(scope => 'realtime:read'));
    return $r->{status} == 200 ? $r->json : {};
}

# Who is told of next, as "join 2".
sub next_of
{
    my ($t) = @_;
    my $m = $t->told(60) // {};
    return ($m->{type} // 'nothing') . ' ' . (($m->{user} // '-----0') =~ s/.*-0*(\d+)$/$1/r || 0);
}


# One user, many tabs

my $watch = member($a, 1);
is next_of($watch), 'join 1', 'one is told of himself';
my @tabs = (member($a, 2), member($b, 2), member($b, 2));
is next_of($watch), 'join 2', 'a user joins';
my $third = member($b, 3);
is next_of($watch), 'join 3', 'once for all his tabs';

my $there = there($b);
is $there->{count}, 3, 'three are there';
is_deeply [ sort @{ $there->{users} } ], [ map { id($_) } 1 .. 3 ], 'by their names';
my $r = $tabs[0]->ask('presence', channel => $room);
is_deeply [ @$r{qw(type count)} ], [ 'reply', 3 ], 'a socket may ask, too';

close $_->{socket} for @tabs[0, 1];
is $third->ask('ping')->{type}, 'reply';
close $tabs[2]{socket};
@tabs = member($a, 2);
my $fourth = member($a, 4);
is next_of($watch), 'join 4', 'who is back at once has not left';
$tabs[0]->ask('unsubscribe', channel => $room);
is next_of($watch), 'leave 2', 'who stays away has';
ok $a->wait_for(sub { there($a)->{count} == 3 }, 30), 'and is not there';


# A node dies

member($b, 5);
is next_of($watch), 'join 5', 'on the other node';
my $six = member($b, 6);
is next_of($watch), 'join 6';
my @pids = ($b->pid, Pando::children($b->pid));
kill 'KILL', @pids;
$b->stop;
my %left;
$left{next_of($watch)}++ for 1 .. 3;
is_deeply [ sort keys %left ], [ map { "leave $_" } 3, 5, 6 ], 'all that were on it have left';
is there($a)->{count}, 2, 'the others have not';
my $again = member($a, 6);
is next_of($watch), 'join 6', 'and may come elsewhere';


# Many

my @many = map { member($a, $_) } 10 .. 12;
is next_of($watch), "join $_" for 10 .. 12;
push @many, member($a, 13);
my $m = $watch->told;
is_deeply [ @$m{qw(type count user)} ], [ 'members', 7, undef ], 'of more there is a number';
$there = there($a);
is $there->{count}, 7, 'which can be asked for';
ok !exists $there->{users}, 'without names';


# Not told

my @quiet = (member($a, 1, 'quiet:1'), member($a, 2, 'quiet:1'));
is there($a, 'quiet:1')->{count}, 2, 'who is there can be asked';
is $quiet[0]->ask('ping')->{type}, 'reply';
is_deeply $quiet[0]{told}, [], 'where it is not told';


# Redis without its data, and a worker that died: what is open is entered again

system('redis-cli', '-s', $redis->socket, 'flushall') == 0 or die;
ok $a->wait_for(sub { (there($a)->{count} // 0) == 7 }, 30), 'an empty Redis is told again'
    or diag explain there($a);
$a->kill_worker('KILL', $_) for $a->worker_pids;
ok $a->wait_for(sub { (there($a)->{count} // 9) == 0 }, 30), 'of killed workers nobody stays'
    or diag explain there($a);


# What is refused

my %read = (token => $a->token(scope => 'realtime:read'));

for ([ 409, 'presence_off', 'hall:1' ], [ 422, 'channel_malformed', 'a%20b' ],
     [ 403, 'channel_not_allowed', 'user:' . id(9) . ':x' ])
{
    my ($status, $code, $name) = @$_;
    my $r = $a->get("$api/channels/$name/presence", %read);
    is_deeply [ $r->{status}, $r->json->{code} ], [ $status, $code ], $name;
}

my $t = Talk->new($a, %read);
is $t->ask('presence', channel => 'room:1')->{code}, 'not_subscribed', 'by who is there';
$t->ask('subscribe', channel => 'hall:1');
is $t->ask('presence', channel => 'hall:1')->{code}, 'presence_off', 'where it is kept';

done_testing;
