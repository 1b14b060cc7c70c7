# Namespaces: who may hear and say what, how much and how often; a change is in
# force for what is open, too.

use FindBin;
use lib $FindBin::Bin;

use Pando;
use Pando::Routes;
use Pando::Server;
use Talk;

my $redis = Pando::Server->redis;
my $t = Pando::Routes->new('realtime', workers => 2, redis => $redis->socket);
my $p = $t->{p};
my $me = '01939bd0-0000-7000-8000-000000000001';
my %plain = (token => $p->token(sub => $me, scope => 'orders:read'));
my %read = (token => $p->token(sub => $me, scope => 'realtime:read'));
my ($list, $post) = map { "$_ /realtime/namespaces" } qw(GET POST);
my ($get, $patch, $delete) = map { "$_ /realtime/namespaces/{id}" } qw(GET PATCH DELETE);
my $publish = 'POST /realtime/publish';

my %ids = (none => $Pando::Routes::NOBODY);

sub space
{
    my ($prefix, @with) = @_;
    my $r = $t->post('/realtime/namespaces', { prefix => $prefix, @with });
    $ids{$prefix} = $r->json->{id} if $r->{status} == 201;
    return $r;
}

sub at { "/realtime/namespaces/$ids{$_[0]}" }

sub change
{
    my ($prefix, %set) = @_;
    return $t->works($t->patch(at($prefix), \%set), $patch, 200, "change $prefix");
}

sub may_hear
{
    my ($as, $channel, @with) = @_;
    my $s = Talk->new($p, %$as);
    my $r = $s->ask('subscribe', channel => $channel, @with);
    return ($r->{code} // 'yes', $s, $r);
}

# A change is known to the workers moments later.
sub becomes
{
    my ($sub, $want, $name) = @_;
    my $is;
    ok $p->wait_for(sub { ($is) = $sub->(); $is eq $want }, 30), $name or diag $is;
}


# Made, changed, removed

my $n = $t->works(space('room', who_subscribes => 'member', rate => 5), $post, 201);
is_deeply { map { $_ => $n->{$_} } qw(prefix who_subscribes who_publishes mode rate max_size) },
    { prefix => 'room', who_subscribes => 'member', who_publishes => 'scope', mode => 'stream',
      rate => 5, max_size => 65536 }, 'a namespace';
$t->fails(space('room'), $post, 'prefix_taken', '/prefix');
$t->fails(space($_), $post, 'prefix_malformed', '/prefix', "no prefix: " . substr $_, 0, 9)
    for 'a:b', 'a b', 'x' x 41;
$t->fails(space('doc'), $post, 'prefix_reserved', '/prefix');
$t->fails(space('user', who_subscribes => 'member'), $post, 'rights_fixed', '/who_subscribes');
$t->fails(space('tenant', who_publishes => 'member'), $post, 'rights_fixed', '/who_publishes');
$t->works(space('tenant', mode => 'cache'), $post, 201, 'not all of it');
$t->fails($t->patch(at('tenant'), { who_subscribes => 'token' }), $patch,
    'rights_fixed', '/who_subscribes');
is space('x', mode => 'odd')->{status}, 422, 'another mode';
is space('x', history_size => 10001)->{status}, 422, 'too much';

is $t->works($t->get(at('room')), $get, 200)->{version}, 1;
$t->fails($t->get(at('none')), $get, 'not_found');
my $all = $t->works($t->get('/realtime/namespaces'), $list, 200)->{data};
is_deeply [ map { $_->{prefix} } @$all ], [ 'room', 'tenant' ], 'all of them';
is change('room', rate => 0)->{version}, 2, 'changed';
$t->fails($t->patch(at('room'), { rate => 1 }, 'If-Match' => '"v1"'), $patch,
    'precondition_failed');
$t->fails($t->patch(at('none'), { rate => 1 }), $patch, 'not_found');
$t->fails($t->delete(at('room'), 'If-Match' => '"v1"'), $delete,
    'precondition_failed');
$t->fails($t->delete(at('none')), $delete, 'not_found');
is $t->get('/realtime/namespaces', %read)->{status}, 403, 'for admins';


# Who hears

becomes(sub { may_hear(\%plain, 'room:1') }, 'yes', 'a member hears');
is +(may_hear(\%plain, 'hall:1'))[0], 'channel_not_allowed', 'what is nobody\'s';
my (undef, $open) = may_hear(\%plain, 'room:1');
my (undef, $other) = may_hear(\%read, 'room:1');
change('room', who_subscribes => 'scope');
my $m = $open->told(60);
is_deeply [ @$m{qw(type channel code)} ], [ 'unsubscribed', 'room:1', 'channel_not_allowed' ],
    'who may not any more is told so';
is $t->post('/realtime/publish', { channel => 'room:1', data => 1 })->{status}, 200;
is $other->told->{data}, 1, 'who may goes on';
is $open->ask('ping')->{type}, 'reply', 'the connection stays';
is_deeply $open->{told}, [], 'and hears nothing';
my $sse = Pando::Live->stream($p, '/api/v1/realtime/sse?channels=room:1', %read);
is $sse->event->{event}, 'subscribed', 'a stream';
change('room', who_subscribes => 'token');
is $sse->event->{event}, 'unsubscribed', 'is told so, too';
is $other->told(60)->{type}, 'unsubscribed', 'a scope is no token';


# Who says

change('room', who_subscribes => 'member', who_publishes => 'nobody');
becomes(sub { $t->post('/realtime/publish', { channel => 'room:1', data => 1 })->{status} }, 403,
    'nobody says anything');
$t->fails($t->post('/realtime/publish', { channel => 'room:1', data => 1 }), $publish,
    'publish_not_allowed');
change('room', who_publishes => 'member', max_size => 20);
becomes(sub { $t->post('/realtime/publish', { channel => 'room:1', data => 1 })->{status} }, 200,
    'then anybody');
$open->ask('subscribe', channel => 'room:1');
is $open->ask('publish', channel => 'room:1', data => 'x')->{type}, 'reply', 'without a scope';
$t->fails($t->post('/realtime/publish', { channel => 'room:1', data => 'x' x 19 }), $publish,
    'message_too_large', '/data');
is $open->ask('publish', channel => 'room:1', data => 'x' x 18)->{type}, 'reply', 'so much';
is $open->ask('publish', channel => 'room:1', data => 'x' x 19)->{code}, 'message_too_large',
    'nor too much';
change('room', rate => 3);
becomes(sub { ($p->parallel(map { [ POST => '/api/v1/realtime/publish',
    body => { channel => 'room:1', data => 1 }, token => $t->{token} ] } 1 .. 20))[-1]->{status} },
    429, 'nor too often');
my $r;
$p->wait_for(sub { $r = $t->post('/realtime/publish', { channel => 'room:1', data => 1 });
    $r->{status} == 429 }, 30);
$t->fails($r, $publish, 'publish_limit');
is $r->header('Retry-After'), 1, 'and when to come again';
$t->fails($t->post('/realtime/publish', { channel => 'a b', data => 1 }), $publish,
    'channel_malformed', '/channel');


# How it is kept

$t->works(space('last', mode => 'cache', who_subscribes => 'member'), $post, 201);
$t->works(space('now', mode => 'ephemeral', who_subscribes => 'member'), $post, 201);
$t->works(space('few', history_size => 10), $post, 201);
becomes(sub { may_hear(\%plain, "$_:1") }, 'yes', "$_ is there") for qw(last now);

for my $i (1 .. 3) {
    is $t->post('/realtime/publish', { channel => 'last:1', data => $i })->json->{offset}, $i;
}

my ($yes, $s, $in) = may_hear(\%plain, 'last:1');
ok !$in->{recovered}, 'nothing was asked for';
is $in->{offset}, 3, 'it is at the third';
$m = $s->told;
is_deeply [ @$m{qw(data offset)} ], [ 3, 3 ], 'which is told at once';
(undef, $s, $in) = may_hear(\%plain, 'last:1', epoch => $in->{epoch}, offset => 3);
ok $in->{recovered}, 'who has it';
is $s->ask('ping')->{type}, 'reply';
is_deeply $s->{told}, [], 'is not told';
$sse = Pando::Live->stream($p, '/api/v1/realtime/sse?channels=last:1', %plain);
is $sse->event->{event}, 'subscribed', 'a stream';
like $sse->event->{data}, qr/"offset":3,"data":3/, 'is told, too';

(undef, $s) = may_hear(\%plain, 'now:1');
$r = $t->post('/realtime/publish', { channel => 'now:1', data => { a => 1 } });
is_deeply [ @{ $r->json }{qw(epoch offset)} ], [ '', 0 ], 'what is ephemeral has no position';
$m = $s->told;
is_deeply [ $m->{data}, exists $m->{offset} ], [ { a => 1 }, '' ], 'and is told';
(undef, $s, $in) = may_hear(\%plain, 'now:1');
is $in->{offset}, 0, 'it is not kept';

becomes(sub { $t->post('/realtime/publish', { channel => "few:$_", data => 1 }) for 1;
    my $h = $t->get('/realtime/channels/few:1/history')->json;
    $h->{offset} > 250 ? @{ $h->{data} } < 250 ? 'few' : 'many' : 'soon' }, 'few',
    'a short history');


# As many as a worker can keep

$p->sql("insert into realtime.namespaces (tenant_id, prefix, who_subscribes, who_publishes, mode,
    presence, join_leave, history_size, history_seconds, rate, max_size)
    select ?, 'n' || i, 'scope', 'scope', 'stream', false, false, 0, 0, 0, 1000
      from generate_series(1, 95) as i", $Pando::Token::TENANT);
$t->fails(space('more'), $post, 'namespace_limit');
is $t->delete(at('now'))->{status}, 204, 'one is taken away';
becomes(sub { may_hear(\%plain, 'now:1') }, 'channel_not_allowed', 'and is in force no more');

$redis->kill;
ok $p->wait_for(sub { $r = $t->post('/realtime/publish', { channel => 'x:1', data => 1 });
    $r->{status} == 503 }, 30), 'without Redis';
$t->fails($r, $publish, 'realtime_unavailable');
$t->all_provoked('realtime_namespaces.c');

done_testing;
