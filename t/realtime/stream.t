# Streams of events: one channel and several, resumed by the last id; and
# events of other domains, told to the channels they are mapped to.

use Pando;
use Pando::Live;
use Pando::Server;

my $me = '01939bd0-0000-7000-8000-000000000001';
my $other = '01939bd0-0000-7000-8000-000000000002';
my $tenant = $Pando::Token::TENANT;
my $redis = Pando::Server->redis;
my $p = Pando->new(domains => [qw(realtime probe)], workers => 2, redis => $redis->socket,
    http => "pando_set realtime.events 'probe.created tenant:{tenant}:probes;"
        . " probe.* probe:{subject}:{data.name} ; other.* x';");
my %read = (token => $p->token(sub => $me, scope => 'realtime:read'));
my $api = '/api/v1/realtime';
my $json = JSON::PP->new->utf8;

sub publish
{
    my ($channel, $data) = @_;
    my $r = $p->post("$api/publish", { channel => $channel, data => $data },
        token => { scope => 'realtime:write' });
    return $r->{status} == 200 ? $r->json->{offset} : $r->{body};
}

sub stream
{
    my ($channels, @with) = @_;
    return Pando::Live->stream($p, "$api/sse?channels=$channels", %read, @with);
}

# The next event as its name, what is in it, and its id.
sub next_of
{
    my ($s) = @_;
    my $e;

    1 while ($e = $s->event) && !$e->{event};
    return $e ? ($e->{event}, $json->decode($e->{data}), $e->{id}) : ();
}


# One channel

my $s = stream('room:a');
is $s->{status}, 200, 'a stream';
my ($event, $data, $id) = next_of($s);
is $event, 'subscribed', 'which says so';
is $data->{offset}, 0, 'from where on';
ok !$data->{recovered}, 'nothing was asked for';
like $id, qr/^[0-9a-f]{16}:0$/, 'its id is the position';

is publish('room:a', $_), $_, "message $_" for 1 .. 3;

for (1 .. 3) {
    ($event, $data, $id) = next_of($s);
    is_deeply [ $event, @$data{qw(offset data)} ], [ 'message', $_, $_ ], 'is an event';
    like $id, qr/:$_$/, 'whose id is its offset';
}

close $s->{socket};
is publish('room:a', $_), $_ for 4, 5;
$s = stream('room:a', 'Last-Event-ID' => $id);
ok +(next_of($s))[1]{recovered}, 'resumed by the last id';
is +(next_of($s))[1]{offset}, $_, "what was missed: $_" for 4, 5;
$s = stream("room:a&from=$id");
ok +(next_of($s))[1]{recovered}, 'or by the address';
$s = stream('room:a', 'Last-Event-ID' => '0' x 16 . ':2');
($event, $data) = next_of($s);
ok !$data->{recovered}, 'not in another epoch';
is $data->{offset}, 5, 'then from now on';


# Several

$s = stream('room:a,room:b');
my %at = map { my ($e, $d) = @$_; $d->{channel} => $d->{offset} } map { [ next_of($s) ] } 1 .. 2;
is_deeply \%at, { 'room:a' => 5, 'room:b' => 0 }, 'two channels';
publish('room:b', 'b1');
($event, $data, $id) = next_of($s);
is $data->{channel}, 'room:b', 'a message of the second';
like $id, qr/^[0-9a-f]{16}:5,[0-9a-f]{16}:1$/, 'and an id of both';
close $s->{socket};
publish('room:a', 6);
publish('room:b', 'b2');
$s = stream('room:a,room:b', 'Last-Event-ID' => $id);
my @got = map { my ($e, $d) = next_of($s); $e eq 'message' ? $d->{data} : () } 1 .. 4;
is_deeply [ sort @got ], [ 6, 'b2' ], 'both are resumed';


# What is refused

for ([ 403, 'channel_not_allowed', "user:$other:x" ], [ 403, 'channel_not_allowed',
     "room:a,tenant:$other:x" ], [ 422, 'channel_malformed', 'a%20b' ],
     [ 422, 'channel_malformed', 'room:a,' ], [ 422, 'channel_repeated', 'room:a,room:a' ],
     [ 422, 'channel_limit', join ',', map { "room:$_" } 1 .. 11 ],
     [ 422, 'position_malformed', 'room:a&from=x' ],
     [ 422, 'position_malformed', "room:a&from=$id" ])
{
    my ($status, $code, $channels) = @$_;
    my $r = $p->get("$api/sse?channels=$channels", %read);
    is_deeply [ $r->{status}, $r->json->{code} ], [ $status, $code ], substr $channels, 0, 30;
}

is $p->get("$api/sse", %read)->{status}, 422, 'channels are named';
is $p->get("$api/sse?channels=room:a")->{status}, 401, 'a token is needed';


# Events

my $probes = "tenant:$tenant:probes";
$s = stream($probes);
is +(next_of($s))[0], 'subscribed', 'a channel of events';
my $made = $p->post('/api/v1/probes', { name => 'first' }, token => { scope => 'probe:write' });
is $made->{status}, 201, 'something happens';
my $subject = $made->json->{id};
($event, $data) = next_of($s);
is $data->{data}{type}, 'probe.created', 'and is told';
is $data->{data}{data}{name}, 'first', 'with what is in it';
is $data->{offset}, 1, 'once';

my $kept = sub {
    return $p->get("$api/channels/probe:$subject:first/history", %read)->json->{data};
};
ok $p->wait_for(sub { @{ $kept->() } == 1 }, 30), 'by its subject and data, too';

my $event_id = $data->{data}{id};
$p->sql("SELECT pando.emit(?, 'probe.created', 1, ?, '{\"name\": \"a b\"}')", $tenant, $subject);
$p->sql('NOTIFY pando_events');
($event, $data) = next_of($s);
is $data->{offset}, 2, 'the next one';
is $data->{data}{data}{name}, 'a b', 'is told';
is scalar @{ $kept->() }, 1, 'where it makes no name of a channel, it is not';

done_testing;
