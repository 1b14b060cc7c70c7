# WebSockets: connecting, rights by the channel's name, messages in order,
# what is missed and recovered, and what closes a connection.

use FindBin;
use lib $FindBin::Bin;

use Pando;
use Pando::Server;
use Talk;

my $me = '01939bd0-0000-7000-8000-000000000001';
my $other = '01939bd0-0000-7000-8000-000000000002';
my ($tenant, $stranger) = ($Pando::Token::TENANT, $Pando::Token::OTHER);
my $redis = Pando::Server->redis;
my $p = Pando->new(workers => 2, redis => $redis->socket,
    http => 'pando_set realtime.history_size 50; pando_set realtime.connections 8;');
my %read = (token => $p->token(sub => $me, scope => 'realtime:read'));
my %write = (token => $p->token(sub => $other, scope => 'realtime:write'));
my $api = '/api/v1/realtime';

sub publish
{
    my ($channel, $data, @with) = @_;
    return $p->post("$api/publish", { channel => $channel, data => $data, @with }, %write);
}

sub offset { my $r = publish(@_); $r->{status} == 200 ? $r->json->{offset} : $r->{body} }

sub open_one { my $t = Talk->new($p, @_); is $t->{status}, 101, 'a socket'; $t }


# Connecting

my $t = open_one();
is $t->ask('ping')->{type}, 'reply', 'a ping needs no token';
is $t->ask('subscribe', channel => 'room:1')->{code}, 'unauthorized', 'all else does';
is $t->ask('connect', token => 'nonsense')->{code}, 'unauthorized', 'a good one';
is $t->ask('connect', token => $p->token(exp => time - 3600))->{code}, 'unauthorized',
    'not an old one';
my $in = $t->ask('connect', token => $read{token});
is $in->{type}, 'reply', 'connected by a message';
is $in->{user}, $me, 'as its user';
is $t->ask('connect', token => $write{token})->{code}, 'unauthorized', 'and nobody else';
is $t->ask('connect', token => $p->token(sub => $me, tid => $stranger))->{code},
    'unauthorized', 'nor of another tenant';
is $t->ask('dance')->{code}, 'unknown_command', 'an unknown command is an error';
is $p->get("$api/ws")->{status}, 426, 'no handshake';
is open_one('Sec-WebSocket-Protocol' => 'x, pando.v1.json')->header('Sec-WebSocket-Protocol'),
    'pando.v1.json', 'the protocol';


# Rights

for (['user:' . $me . ':orders', 1], ["user:$other:orders", 0], ["user:$me", 0],
     ["user:$me:", 0], ["tenant:$tenant:news", 1], ["tenant:$stranger:news", 0],
     ['room:lobby', 1])
{
    my ($name, $may) = @$_;
    my $r = $t->ask('subscribe', channel => $name);
    is $r->{code} // 'none', $may ? 'none' : 'channel_not_allowed', $name;
}

my $plain = open_one(token => $p->token(sub => $me, scope => 'orders:read'));
is $plain->ask('subscribe', channel => 'room:lobby')->{code}, 'channel_not_allowed',
    'others are for who may read them';
is $plain->ask('subscribe', channel => "user:$me:orders")->{type}, 'reply', 'own ones are not';
is $t->ask('subscribe', channel => $_)->{code}, 'channel_malformed', "no name: " . substr $_, 0, 20
    for '', 'a b', 'a/b', "a\x{e4}", 'x' x 201, 'x' x 300;
is $t->ask('subscribe')->{code}, 'channel_malformed', 'no channel';
is $t->ask('subscribe', channel => 'room:lobby')->{code}, 'already_subscribed', 'once';
is $t->ask('unsubscribe', channel => 'room:none')->{code}, 'not_subscribed', 'what was not';
is $t->ask('publish', channel => 'room:lobby', data => 1)->{code}, 'publish_not_allowed',
    'publishing takes a right';


# Messages

is offset('room:lobby', { n => 1 }), 1, 'the first has offset 1';
my $m = $t->told;
is_deeply [ @$m{qw(type channel offset data)} ], [ 'message', 'room:lobby', 1, { n => 1 } ],
    'it is told';
like $m->{epoch}, qr/^[0-9a-f]{16}$/, 'with its epoch';
my $epoch = $m->{epoch};

my $w = open_one(%write);
my $said = $w->ask('publish', channel => 'room:lobby', data => 'two');
is_deeply [ @$said{qw(offset epoch repeated)} ], [ 2, $epoch, JSON::PP::false ], 'by a socket';
is $t->told->{data}, 'two', 'the same';
is offset('room:lobby', 'three', event_id => 'e1'), 3, 'with an event id';
is offset('room:lobby', 'three', event_id => 'e1'), 3, 'again: the same message';
ok publish('room:lobby', 'three', event_id => 'e1')->json->{repeated}, 'and that is said';
is $p->post("$api/publish", { channel => 'room:lobby', data => 4 }, %write,
    'Idempotency-Key' => 'k1')->json->{offset}, 4, 'a key is one, too' for 1 .. 2;
is_deeply [ $t->offsets(2) ], [ 3, 4 ], 'each is told once';
is $t->ask('unsubscribe', channel => 'room:lobby')->{type}, 'reply', 'enough';
is offset('room:lobby', 5), 5;
is $t->ask('ping')->{type}, 'reply';
is_deeply $t->{told}, [], 'then nothing more is told';


# Recovery

my $back = $t->ask('subscribe', channel => 'room:lobby', epoch => $epoch, offset => 2);
is_deeply [ @$back{qw(recovered epoch offset)} ], [ JSON::PP::true, $epoch, 2 ], 'recovered';
is_deeply [ $t->offsets(3) ], [ 3, 4, 5 ], 'what was missed';
offset('room:lobby', 6);
is_deeply [ $t->offsets(1) ], [ 6 ], 'and what comes';

my $late = open_one(%read);
is $late->ask('subscribe', channel => 'room:lobby')->{offset}, 6, 'without a position: from now on';

for ([ 'another epoch', epoch => '0' x 16, offset => 3 ],
     [ 'a later offset', epoch => $epoch, offset => 99 ])
{
    my ($name, @at) = @$_;
    $late->ask('unsubscribe', channel => 'room:lobby');
    my $r = $late->ask('subscribe', channel => 'room:lobby', @at);
    is_deeply [ @$r{qw(recovered offset)} ], [ JSON::PP::false, 6 ], "$name: not recovered";
}

$late->ask('unsubscribe', channel => 'room:lobby');
is $late->ask('subscribe', channel => 'room:lobby', @$_)->{code}, 'position_malformed',
    'no position' for [ epoch => $epoch ], [ offset => 1 ], [ epoch => 'x', offset => 1 ],
        [ epoch => $epoch, offset => -1 ], [ epoch => $epoch, offset => '1' ];

offset('room:long', $_) for 1 .. 300;
my $h = $p->get("$api/channels/room:long/history?since=290", %read)->json;
is_deeply [ map { $_->{offset} } @{ $h->{data} } ], [ 291 .. 300 ], 'history';
ok $h->{recovered}, 'nothing missing';
$h = $p->get("$api/channels/room:long/history", %read)->json;
ok !$h->{recovered}, 'what is too old is gone';
cmp_ok $h->{data}[0]{offset}, '>', 1, 'and it begins later';
my $r = $late->ask('subscribe', channel => 'room:long', epoch => $h->{epoch}, offset => 1);
ok !$r->{recovered}, 'nor can it be recovered';
is $r->{offset}, 300, 'it goes on from now';
is $p->get("$api/channels/user:$other:x/history", %read)->{status}, 403, "another's history";
is $p->get("$api/channels/a%20b/history", %read)->{json}{code} // 422, 422, 'no name';


# Another tenant's channel of the same name is another channel

my $far = open_one(token => $p->token(sub => $me, tid => $stranger, scope => 'realtime:admin'));
my $there = $far->ask('subscribe', channel => 'room:lobby', epoch => $epoch, offset => 2);
isnt $there->{epoch}, $epoch, 'it has its own epoch';
is $there->{offset}, 0, 'and nothing in it';
offset('room:lobby', 7);
is $far->ask('ping')->{type}, 'reply';
is_deeply $far->{told}, [], 'nothing of ours is heard there';


# What closes it

for ([ 4000, 'no JSON', 'nonsense' ], [ 4000, 'a list', '[]' ], [ 4000, 'no type', '{"id":1}' ],
     [ 4000, 'a strange id', '{"id":{},"type":"ping"}' ], [ 4000, 'depth', '[' x 100 ],
     [ 4000, 'a member twice', '{"type":"ping","type":"ping"}' ],
     [ 1009, 'too long', '{"type":"ping","x":"' . 'x' x 70_000 . '"}' ],
     [ 1007, 'no UTF-8', "{\"type\":\"\xff\"}" ])
{
    my ($code, $name, $text) = @$_;
    my $bad = open_one(%read);
    $bad->say($text);
    is $bad->closes, $code, "$name: $code";
}

my $binary = open_one(%read);
$binary->write(Pando::Live::frame(2, '{"type":"ping"}'));
is $binary->closes, 4000, 'bytes: 4000';

is open_one(token => $p->token(sub => $other, exp => time - 8))->closes, 4001,
    'a token that has expired: 4001';
my $soon = open_one(token => $p->token(sub => $other, exp => time + 50));
is $soon->told->{type}, 'token_expiring', 'who has one for moments is warned';
is $soon->ask('connect', token => $write{token})->{type}, 'reply', 'a newer one is taken';
is $soon->ask('ping')->{type}, 'reply', 'and it goes on';

my @many;
push @many, Talk->new($p, token => $p->token(sub => '01939bd0-0000-7000-8000-0000000000aa'))
    for 1 .. 9;
my @closed = grep { my $r = $_->ask('subscribe', channel => 'user:x:y'); !$r } @many;
is scalar @closed, 1, 'one more than a user may have';
is $closed[0]{code}, 4029, 'is closed';

is $p->post("$api/disconnect", { user_id => $other },
    token => { scope => 'realtime:admin', sub => $me })->{status}, 204, 'ending connections';
is $w->closes, 4003, 'of a user: 4003';
is $t->ask('ping')->{type}, 'reply', 'nobody else';
is $p->post("$api/disconnect", {}, token => { scope => 'realtime:admin' })->json->{code},
    'nobody_named', 'somebody is to be named';

is publish($_, 1)->json->{code}, 'channel_malformed', "no channel to publish to"
    for 'a b', 'x' x 300;
is publish("tenant:$stranger:x", 1)->json->{code}, 'publish_not_allowed', "another tenant's";

done_testing;
