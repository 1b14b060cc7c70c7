# Redis killed, empty, frozen or set back, workers killed: nothing is skipped
# without being told.

use FindBin;
use lib $FindBin::Bin;

use Pando;
use Pando::Server;
use Talk;

my $redis = Pando::Server->redis;
my $p = Pando->new(workers => 2, redis => $redis->socket,
    http => 'pando_set realtime.history_size 50;');
my %read = (token => $p->token(scope => 'realtime:read'));

sub publish
{
    my ($data, $channel) = @_;
    return $p->post('/api/v1/realtime/publish', { channel => $channel // 'room:a', data => $data },
        token => { scope => 'realtime:write' });
}

sub published
{
    my ($data) = @_;
    return $p->wait_for(sub { my $r = publish($data); $r->{status} == 200 && $r }, 30)
        || BAIL_OUT('nothing can be published');
}

# Subscribed, as soon as that can be.
sub subscribed
{
    my (@at) = @_;

    return @{ $p->wait_for(sub {
        my $t = Talk->new($p, %read);
        my $r = $t->ask('subscribe', channel => 'room:a', @at);
        $r && $r->{type} eq 'reply' && [ $t, $r ];
    }, 60) || BAIL_OUT('nobody can subscribe') };
}


# Killed, and back without its data

my ($t) = subscribed();
is published($_)->json->{offset}, $_ for 1 .. 3;
my $m;
is +($m = $t->told)->{offset}, $_, 'told' for 1 .. 3;
my $epoch = $m->{epoch};

$redis->kill;
ok $p->wait_for(sub { publish(0)->{status} == 503 }, 30), 'without Redis nothing is published';
is publish(0)->json->{code}, 'realtime_unavailable', 'which is said';
is $t->ask('subscribe', channel => 'room:b')->{code}, 'realtime_unavailable', 'nor subscribed';
$redis->start;

my $lost = $t->told(60);
is $lost->{type}, 'lost', 'who listens is told that something was lost';
isnt $lost->{epoch}, $epoch, 'there is another epoch';
is $lost->{recovered}, JSON::PP::false;
my $r = published('new');
is $r->json->{epoch}, $lost->{epoch}, 'in which it goes on';
$m = $t->told;
is_deeply [ @$m{qw(data offset)} ], [ 'new', $lost->{offset} + 1 ], 'with the next offset';

(my $late, $r) = subscribed(epoch => $epoch, offset => 3);
ok !$r->{recovered}, 'who comes with the old epoch is told so, too';


# Frozen: what was taken all the same is told when it is back

$redis->freeze;
is publish('frozen')->{status}, 503, 'no reply';
$redis->thaw;
my $after = published('after')->json->{offset};
my @seen = $m->{offset};
push @seen, $t->told(60)->{offset} // 0 while $seen[-1] < $after && @seen < 10;
is_deeply \@seen, [ $m->{offset} .. $after ], 'nothing is skipped, nothing told twice';


# Set back: an epoch never means two messages at one offset

my $at = published('kept')->json;
1 while ($t->told // {})->{data} ne 'kept';
my $cli = 'redis-cli -s ' . $redis->socket;
chomp(my $key = qx($cli keys 'rt.m:*room:a'));
qx($cli hset '$key' n 1);
qx($cli client kill type pubsub);
$lost = $t->told(60);
is $lost->{type}, 'lost', 'a Redis that was set back is noticed';
isnt $lost->{epoch}, $at->{epoch}, 'and begins another epoch';


# A worker is killed: its clients come back and have missed nothing

(my $s, $r) = subscribed();
my $position = published('before')->json;
$p->kill_worker('KILL', $_) for $p->worker_pids;
is $s->told->{data}, 'before', 'told before';
is $s->told, undef, 'a killed worker closes';
published('meanwhile');
($s, $r) = subscribed(epoch => $position->{epoch}, offset => $position->{offset});
ok $r->{recovered}, 'who comes back';
is $s->told->{data}, 'meanwhile', 'gets what he missed';

done_testing;
