# Rights that come and go: tickets, tokens of a channel, cookies of known pages
# only; and what others' events, or an admin, end on all nodes.

use FindBin;
use lib $FindBin::Bin;

use Pando;
use Pando::Routes;
use Pando::Server;
use Talk;

my $redis = Pando::Server->redis;
my %set = (redis => $redis->socket, workers => 2, http => 'pando_set realtime.connections 1000;
    pando_set realtime.cookie at; pando_set realtime.origins
    "https://shop.example http://localhost:3000";');
my $t = Pando::Routes->new('realtime', %set);
my $p = $t->{p};
my $b = Pando->new(domains => ['realtime'], %set);
my ($me, $other) = map { "01939bd0-0000-7000-8000-00000000000$_" } 1, 2;
my $sid = '01939bd0-0000-7000-8000-0000000000aa';
my $plain = $p->token(sub => $me, scope => 'orders:read');
my $read = $p->token(sub => $me, scope => 'realtime:read', sid => $sid);
my $theirs = $p->token(sub => $other, scope => 'realtime:read');
my $ws = '/api/v1/realtime/ws';

$b->write('keys.json', $p->log('keys.json'));
$b->reload;

sub socket_to { my ($path, @with) = @_; return Pando::Live->socket($p, $path, @with) }

# Two sockets of a token, one on each node, in a room and in the user's channel.
sub both
{
    my ($token, $user) = @_;

    return map {
        my $s = Talk->new($_, token => $token);
        is $s->ask('subscribe', channel => 'room:1')->{type}, 'reply', 'there';
        is $s->ask('subscribe', channel => "user:$user:x")->{type}, 'reply';
        $s;
    } $p, $b;
}

sub emit
{
    my ($type, $subject, $data) = @_;
    $p->sql('select pando.emit(?, ?, 1, ?, ?)', $Pando::Token::TENANT, $type, $subject,
        $data // '{}');
    $p->sql('notify pando_events');
}

sub alive
{
    my ($name, @sockets) = @_;
    is $_->ask('ping')->{type}, 'reply', $name for @sockets;
}


# Tickets

my $made = $t->works($t->post('/realtime/tickets', undef, token => $read),
    'POST /realtime/tickets', 201);
my $s = Talk->new($p, path => "$ws?ticket=$made->{ticket}");
is $s->ask('subscribe', channel => 'room:1')->{type}, 'reply', 'a ticket is as good as its token';
$t->fails($p->get("$ws?ticket=$made->{ticket}"), 'GET /realtime/ws', 'ticket_refused', undef,
    'but once');
$t->fails($p->get("$ws?ticket=xyz"), 'GET /realtime/ws', 'ticket_refused', undef, 'not any');
(my $forged = $t->post('/realtime/tickets', undef, token => $read)->json->{ticket})
    =~ s/^(.{20})(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/e;
$t->fails($p->get("$ws?ticket=$forged"), 'GET /realtime/ws', 'ticket_refused', undef, 'nor forged');
$t->fails($p->get($ws), 'GET /realtime/ws', 'upgrade_required');
$t->fails($p->get($ws, Upgrade => 'websocket', Connection => 'Upgrade',
    'Sec-WebSocket-Version' => 13), 'GET /realtime/ws', 'bad_handshake');


# Cookies

my @page = (Cookie => "x=1; at=$read; y=2");
$t->fails(socket_reply(@page, Origin => 'https://evil.example'), 'GET /realtime/ws',
    'origin_refused', undef, 'a foreign page with a good cookie');
is socket_to($ws, @page)->{status}, 403, 'nor one that does not say where it is from';
is socket_to($ws, @page, Origin => $_)->{status}, 403, "nor $_"
    for 'https://shop.example.evil', 'https://shop', 'null', 'http://shop.example';
$s = Talk->new($p, @page, Origin => 'https://shop.example');
is $s->{status}, 101, 'a page of ours';
is $s->ask('subscribe', channel => 'room:1')->{type}, 'reply', 'with its cookie';
$s = Talk->new($p, Cookie => 'at=nonsense', Origin => 'https://shop.example');
is $s->closes, 4001, 'if it is good';

sub socket_reply
{
    return $p->get($ws, Upgrade => 'websocket', Connection => 'Upgrade',
        'Sec-WebSocket-Version' => 13, 'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==', @_);
}


# Tokens of a channel

my $subscription = 'POST /realtime/subscription-tokens';
sub token_of
{
    my ($channel, @with) = @_;
    return $t->works($t->post('/realtime/subscription-tokens', { channel => $channel, @with }),
        $subscription, 200)->{token};
}

my $bare = Talk->new($p, token => $plain);
is $bare->ask('subscribe', channel => 'room:2')->{code}, 'channel_not_allowed', 'no right';
is $bare->ask('subscribe', channel => 'room:2', token => token_of('room:3'))->{code},
    'channel_not_allowed', "another channel's";
is $bare->ask('subscribe', channel => 'room:2', token => token_of('room:2', user_id => $other))
    ->{code}, 'channel_not_allowed', "another user's";
is $bare->ask('subscribe', channel => 'room:2', token => token_of('room:2', user_id => $me))
    ->{type}, 'reply', 'a token of this one';
is $bare->ask('subscribe', channel => 'room:3', token => token_of('room:3', ttl => 3))->{type},
    'reply', 'one that is over soon';
my $m = $bare->told(30);
is_deeply [ @$m{qw(type channel code)} ], [ 'unsubscribed', 'room:3', 'token_expired' ],
    'ends then';
is $t->post('/realtime/publish', { channel => 'room:2', data => 7 })->{status}, 200;
is $bare->told->{data}, 7, 'the other one does not';
$t->fails($t->post('/realtime/subscription-tokens', { channel => 'a b' }), $subscription,
    'channel_malformed', '/channel');


# What is open

my @mine = both($read, $me);
my @others = both($theirs, $other);
my $list = $t->works($t->get("/realtime/connections?user_id=$other"),
    'GET /realtime/connections', 200)->{data};
is scalar @$list, 2, 'the connections of a user, on both nodes';
is_deeply [ @{ $list->[0] }{qw(kind channels user_id session_id)} ],
    [ 'socket', 2, $other, undef ], 'and what they are';
my $channels = $t->works($t->get('/realtime/channels?prefix=room:'), 'GET /realtime/channels',
    200)->{data};
is_deeply { map { $_->{name} => $_->{subscribers} } @$channels }, { 'room:1' => 4, 'room:2' => 1 },
    'channels, with all who hear them';
my $stats = $t->works($t->get('/realtime/channels/room:2/stats'),
    'GET /realtime/channels/{channel}/stats', 200);
is_deeply [ @$stats{qw(subscribers offset)} ], [ 1, 1 ], 'one of them';
$t->fails($t->get('/realtime/channels/a%20b/stats'), 'GET /realtime/channels/{channel}/stats',
    'channel_malformed');

my $un = 'POST /realtime/unsubscribe';
is $t->post('/realtime/unsubscribe', { user_id => $other, channel => 'room:1' })->{status}, 204,
    'unsubscribed by an admin';
for (@others) {
    $m = $_->told(30);
    is_deeply [ @$m{qw(type channel code)} ], [ 'unsubscribed', 'room:1', 'revoked' ],
        'on each node';
}
$t->fails($t->post('/realtime/unsubscribe', { channel => 'room:1' }), $un, 'nobody_named');
$t->fails($t->post('/realtime/unsubscribe', { user_id => $other, channel => 'a b' }), $un,
    'channel_malformed', '/channel');
is $t->post('/realtime/disconnect', { connection_id => $list->[0]{id}, code => 4123 })->{status},
    204, 'one connection is ended';
my ($gone) = grep { my $r = $_->ask('ping'); !$r } @others;
is $gone->{code}, 4123, 'with that code';
$t->fails($t->post('/realtime/disconnect', {}), 'POST /realtime/disconnect', 'nobody_named');
@others = grep { $_ != $gone } @others;
alive('nobody else', @mine, @others);


# What others tell of

emit('permission.revoked', $me);
for (@mine) {
    $m = $_->told(30);
    is_deeply [ @$m{qw(type channel)} ], [ 'unsubscribed', 'room:1' ], 'a right that was taken';
}
alive('own channels stay', @mine, @others);
emit('session.revoked', $sid, "{\"sid\": \"$sid\", \"user_id\": \"$me\"}");
is $_->closes, 4003, 'a session that was ended' for @mine;
alive('no other session', @others, $bare);
emit('membership.removed', $Pando::Routes::NOBODY, "{\"user_id\": \"$me\"}");
is $bare->closes, 4003, 'who is no member any more';
alive('not who is', @others);
emit('tenant.suspended', $Pando::Token::TENANT);
is $_->closes, 4003, 'a tenant that is suspended' for @others;


# Tokens, again and again

$s = Talk->new($p, token => $read);
my $n = 0;
while ($n < 300 && $s->ask('connect', token => 'nonsense')) {
    $n++;
    select undef, undef, undef, 0.02;
}
is $n, 200, 'who brings tokens without end';
is $s->{code}, 4029, 'is closed';


# Long polls

my $poll = 'GET /realtime/poll';
my $at = $t->works($t->get('/realtime/poll?channel=room:4'), $poll, 200);
is_deeply [ @$at{qw(offset recovered data)} ], [ 0, JSON::PP::false, [] ],
    'a poll says where it is';
my $next = "/realtime/poll?channel=room:4&epoch=$at->{epoch}&offset=";
is_deeply $t->works($t->get("${next}0&wait=0"), $poll, 200)->{data}, [],
    'nothing is new';
$t->post('/realtime/publish', { channel => 'room:4', data => $_ }) for 1, 2;
is_deeply [ map { $_->{data} } @{ $t->get("${next}0")->json->{data} } ], [ 1, 2 ],
    'what was missed';
my @r = $p->parallel([ GET => "/api/v1${next}2", token => $t->{token} ],
    map { [ POST => '/api/v1/realtime/publish', body => { channel => 'room:4', data => $_ },
            token => $t->{token} ] } 3);
is $r[0]->json->{data}[0]{data}, 3, 'what comes while it waits';
is $t->get('/realtime/poll?channel=room:4&epoch=' . '0' x 16 . '&offset=1')->json->{recovered},
    JSON::PP::false, 'another epoch is told at once';
$t->fails($t->get('/realtime/poll?channel=a%20b'), $poll, 'channel_malformed', '?channel');
$t->fails($t->get("/realtime/poll?channel=user:$other:x"), $poll, 'channel_not_allowed');

$redis->kill;
ok $p->wait_for(sub { $t->get('/realtime/poll?channel=room:4')->{status} == 503 }, 60),
    'without Redis';
$t->fails($t->get('/realtime/poll?channel=room:4'), $poll, 'realtime_unavailable');
$t->fails($t->get('/realtime/connections'), 'GET /realtime/connections', 'realtime_unavailable');
$t->fails($t->get('/realtime/channels'), 'GET /realtime/channels', 'realtime_unavailable');
$t->fails($t->get('/realtime/channels/room:2/stats'), 'GET /realtime/channels/{channel}/stats',
    'realtime_unavailable');
$t->fails($t->post("/realtime/$_", { user_id => $me, channel => 'room:1' }),
    "POST /realtime/$_", 'realtime_unavailable') for 'unsubscribe';
$t->fails($t->post('/realtime/disconnect', { user_id => $me }), 'POST /realtime/disconnect',
    'realtime_unavailable');
my $late = $t->post('/realtime/tickets', undef, token => $read)->json->{ticket};
$t->fails($p->get("$ws?ticket=$late"), 'GET /realtime/ws', 'realtime_unavailable');

$t->all_provoked('realtime_ask.c', 'realtime_poll.c', 'realtime_tickets.c');

done_testing;
