# Live connections: handshakes, frames of every kind and what breaks them,
# limits, pings, slow readers, flows that act for them, an orderly close when a
# worker quits, and nothing left of thousands of them.

use Pando;
use Pando::Live;
use IO::Select;
use Time::HiRes qw(time);

my $p = Pando->new(domains => ['talker'], workers => 2,
    main => 'worker_shutdown_timeout 20s;');
my $user = '01939bd0-0000-7000-8000-000000000001';
my $path = '/api/v1/talks/socket';
my %as = (token => $p->token(sub => $user));

sub gauge { $p->get("/metrics")->{body} =~ /^pando_talker_open(?:\{\})? (\d+)/m ? $1 : -1 }
sub talk { Pando::Live->socket($p, $path, %as, @_) }

sub closes
{
    my ($s, $code, $name) = @_;
    my $f;
    1 while ($f = $s->hear) && $f->{op} != 8;
    is $f && $f->{code}, $code, $name;
    $s->bye($code) if $f;
    return $f;
}


# The handshake

my $s = talk();
is $s->{status}, 101, 'a socket';
ok $s->{accepted}, 'is accepted';
is lc $s->header('Connection'), 'upgrade', 'Connection';
is $s->header('Upgrade'), 'websocket', 'Upgrade';
is $s->header('Sec-WebSocket-Protocol'), undef, 'no protocol but one that is asked for';
ok $s->header('X-Request-Id'), 'it has an id';
is $s->hear->{text}, 'hello', 'who opens is greeted';

is talk('Sec-WebSocket-Protocol' => 'chat, talk.v1, talk.v2')->header('Sec-WebSocket-Protocol'),
    'talk.v1', 'the first protocol that both speak';
is talk(token => undef)->{status}, 401, 'a token is needed';

for ([ 426, 'no upgrade', Upgrade => undef ], [ 426, 'no websocket', Upgrade => 'h2c' ],
     [ 426, 'not asked for', Connection => 'close' ],
     [ 426, 'version 8', 'Sec-WebSocket-Version' => 8 ],
     [ 426, 'no version', 'Sec-WebSocket-Version' => undef ],
     [ 400, 'no key', 'Sec-WebSocket-Key' => undef ],
     [ 400, 'a short key', 'Sec-WebSocket-Key' => 'AAAA' ],
     [ 400, 'no base64', 'Sec-WebSocket-Key' => '!' x 22 . '==' ])
{
    my ($status, $name, @with) = @$_;
    my $r = talk(@with);
    is $r->{status}, $status, "$name: $status";
    is $r->header('Content-Type'), 'application/problem+json', 'a problem';
    is $r->header('Sec-WebSocket-Version'), '13', 'and what is spoken here' if $status == 426;
}


# Frames

$s = talk();
$s->hear;
$s->say('plain');
is_deeply $s->hear, { op => 1, fin => 1, text => 'plain' }, 'a text';
$s->write(Pando::Live::frame(2, "\0\xff"));
is_deeply $s->hear, { op => 2, fin => 1, text => "\0\xff" }, 'bytes';
$s->say('');
is $s->hear->{text}, '', 'nothing';
$s->say('x' x $_), is length($s->hear->{text}), $_, "$_ bytes" for 125, 126, 4096;

$s->write(Pando::Live::frame(1, 'in ', fin => 0) . Pando::Live::frame(9, 'now?')
    . Pando::Live::frame(0, 'three ', fin => 0) . Pando::Live::frame(0, 'parts'));
is_deeply $s->hear, { op => 10, fin => 1, text => 'now?' }, 'a ping within is answered';
is $s->hear->{text}, 'in three parts', 'a message in parts';

my $bytes = Pando::Live::frame(1, 'slowly') . Pando::Live::frame(1, 'come');
$s->write($_), select undef, undef, undef, 0.002 for split //, $bytes;
is $s->hear->{text} . $s->hear->{text}, 'slowlycome', 'byte by byte';
is talk(with => Pando::Live::frame(1, 'at once'))->{status}, 101, 'what comes behind the head';
my $hasty = talk(with => Pando::Live::frame(1, 'at once'));
is_deeply [ map { $hasty->hear->{text} } 1, 2 ], [ 'hello', 'at once' ], 'is heard';

$s->say('later');
is $s->hear->{text}, "later to $user", 'a flow acts as who opened it';
$s->say('later');
$s->say('bye');
is $s->hear->{text}, 'and last', 'what was said before closing';
my $f = $s->hear;
is_deeply [ @$f{qw(op code text)} ], [ 8, 4321, 'as you say' ], 'comes before the close';
$s->bye(4321);
is $s->hear, undef, 'and that is all';
ok $s->{closed}, 'it is closed';

$s = talk();
$s->hear;
$s->bye(1000, 'enough');
is $s->hear->{code}, 1000, 'a close is answered with the same';
is $s->hear, undef, 'and closed';


# What breaks the protocol

for ([ 1002, 'an unmasked frame', Pando::Live::frame(1, 'x', mask => '') ],
     [ 1002, 'a reserved bit', Pando::Live::frame(1, 'x', rsv => 4) ],
     [ 1002, 'an unknown opcode', Pando::Live::frame(3, 'x') ],
     [ 1002, 'a part of nothing', Pando::Live::frame(0, 'x') ],
     [ 1002, 'a ping in parts', Pando::Live::frame(9, 'x', fin => 0) ],
     [ 1002, 'a long ping', Pando::Live::frame(9, 'x' x 126) ],
     [ 1002, 'a close of 1005', Pando::Live::frame(8, pack 'n', 1005) ],
     [ 1007, 'a text that is no UTF-8', Pando::Live::frame(1, "a\xff") ],
     [ 1007, 'in its second part', Pando::Live::frame(1, "\xe2\x82", fin => 0)
         . Pando::Live::frame(0, 'a') ],
     [ 1009, 'a long message', Pando::Live::frame(1, 'x' x 4097) ],
     [ 1009, 'in parts', Pando::Live::frame(1, 'x' x 4000, fin => 0)
         . Pando::Live::frame(0, 'x' x 4000) ],
     [ 1009, 'one said to be huge', Pando::Live::frame(1, '', len => 2 ** 62, long => 1) ])
{
    my ($code, $name, $frames) = @$_;
    my $t = talk();
    $t->hear;
    $t->write($frames);
    closes($t, $code, "$name: $code");
    is $t->hear, undef, 'and closed';
}

my $t = talk();
$t->hear;
$t->write(join '', map { Pando::Live::frame(1, 'again') } 1 .. 1000);
closes($t, 4029, 'who says too much');


# Who does not read, who is gone

$t = talk();
$t->hear;
my $other = talk();
$other->hear;
$t->say('flood');
$other->say('beside');
is $other->hear->{text}, 'beside', 'a flood delays nobody else';
$f = closes($t, 4008, 'who is too slow');
is $f->{text}, 'too slow', 'is told so';

$t = talk();
$t->{mute} = 1;
$t->hear;
is $t->hear, undef, 'who does not answer pings';
ok $t->{closed} && $t->{pings}, 'is closed';
ok !$other->{closed}, 'who does, is not';

{
    my @gone = map { talk() } 1 .. 20;
    close $_->{socket} for @gone;
}

close $other->{socket};
ok $p->wait_for(sub { gauge() == 0 }, 30), 'who left is noticed' or diag gauge();


# Streams

my $e = Pando::Live->stream($p, '/api/v1/talks/stream');
is $e->{status}, 200, 'a stream';
is $e->header('Content-Type'), 'text/event-stream', 'of events';
is $e->header('Cache-Control'), 'no-store', 'not to be kept';
is_deeply $e->event, { data => 'hello' }, 'an event';
my $room = talk();
$room->hear;
is $p->post('/api/v1/talks', { text => "two\nlines" })->{status}, 204, 'said to all';
is_deeply $e->event, { event => 'said', id => '7', data => "two\nlines" }, 'the stream has it';
is $room->hear->{text}, "two\nlines", 'the socket, too';

my $slow = Pando::Live->stream($p, '/api/v1/talks/stream');
$slow->event;
$p->post('/api/v1/talks', { text => 'y' x 9000 });
my ($n, $closed) = (0, '');

while (my $said = $slow->event) {
    $n++ if ($said->{event} // '') eq 'said';
    $closed = $said->{data} if ($said->{event} // '') eq 'close';
}

like $closed, qr/^4008 /, 'a stream that is too slow is told so';
cmp_ok $n, '<', 4000, 'instead of getting all';
ok $p->wait_for(sub { Pando::Live->stream($p, '/api/v1/talks/stream')->{status} == 200
    && gauge() <= 2 }, 30), 'none is left';


# Reload and quit

my @sockets = map { talk() } 1 .. 30;
my @streams = map { Pando::Live->stream($p, '/api/v1/talks/stream') } 1 .. 5;
$_->hear for @sockets;
$_->event for @streams;
$sockets[0]->say('later');
$p->reload;
my ($told, $spread) = (0, 0);
my %waits;

for (@sockets) {
    my $f;
    1 while ($f = $_->hear(20)) && $f->{op} != 8;
    next if !$f || $f->{code} != 1012;
    $told++;
    $waits{$1}++ if $f->{text} =~ /^\{"retry_after_ms":(\d+)\}$/;
    $_->bye(1012);
}

is $told, 30, 'a reload closes them with 1012';
cmp_ok scalar keys %waits, '>', 20, 'each is to come back at its own time';

for (@streams) {
    my ($retry, $e);
    while ($e = $_->event) { $retry = $e->{retry} if defined $e->{retry} }
    $spread++ if $retry && $_->{ended};
}

is $spread, 5, 'a stream is told when to come back, and ended';
$t = talk();
is $t->hear->{text}, 'hello', 'new ones go on';
$t->bye;
ok $p->wait_for(sub { gauge() == 0 }, 30), 'none is left' or diag gauge();


# Many, and nothing stays

my $fds = sub { my $n = 0; $n += () = glob "/proc/$_/fd/*" for $p->worker_pids; $n };
ok $p->wait_for(sub { @{[ $p->worker_pids ]} == 2 }, 30), 'the old workers are gone';
my $before = $fds->();

for (1 .. 10) {
    my @many = map { talk() } 1 .. 50;
    $_->say('later') for @many[0 .. 9];
    $_->bye for @many[10 .. 29];
    close $_->{socket} for @many;
}

ok $p->wait_for(sub { gauge() == 0 }, 30), '500 came and went';
ok $p->wait_for(sub { $fds->() <= $before + 2 }, 30), 'and left no descriptor';
ok $p->wait_for(sub { $p->get('/metrics')->{body} =~ /^pando_flows_running(?:\{\})? [01]$/m },
    30), 'and no flow';

done_testing;
