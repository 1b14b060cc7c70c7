# Endpoints that ask instead of being told; how many a second; and how much may
# wait for a tenant.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Post;

my $web = Pando::Elsewhere->web(sub { $_[0]->print(Pando::Elsewhere::answer(200, 'ok')) });
my $t = Post->new(workers => 2, to => [$web],
    http => 'pando_jobs lease=2s; pando_set webhooks.backlog 40;');
my $p = $t->{p};
my $add = 'POST /webhook-endpoints';
my $change = 'PATCH /webhook-endpoints/{id}';
my %pull = (kind => 'pull', event_types => ['custom.note']);
my $n = 0;
my $say = sub { my $r = $t->post('/webhook-messages', { type => 'custom.note',
    payload => { n => ++$n }, @_ }); $r->{status} == 202 or diag $r->{raw}; $r->json };


# its kind

my $e = $t->works($t->post('/webhook-endpoints', { %pull }), $add, 201);
is_deeply [ @$e{qw(kind url state)} ], [ 'pull', undef, 'active' ], 'an endpoint without a url';
$t->fails($t->post('/webhook-endpoints', { %pull, url => $t->url($web) }), $add, 'url_or_pull',
    '/url');
$t->fails($t->post('/webhook-endpoints', { event_types => ['custom.note'] }), $add,
    'url_or_pull', '/url');
$t->fails($t->patch("/webhook-endpoints/$e->{id}", { url => $t->url($web) }), $change,
    'url_or_pull', '/url');
$t->fails($t->patch("/webhook-endpoints/$e->{id}", { kind => 'http' }), $change, 'kind_stays',
    '/kind');
is $t->patch("/webhook-endpoints/$e->{id}", { kind => 'pull', description => 'x' })->{status},
    200, 'the kind that it is of';
$t->fails($t->post("/webhook-endpoints/$e->{id}/test", { type => 'webhook.exhausted' }),
    'POST /webhook-endpoints/{id}/test', 'endpoint_pulls');


# poll and ack

my $get = 'GET /webhook-messages/poll';
my $poll = sub { my ($more) = @_; $t->works($t->get("/webhook-messages/poll?endpoint=$e->{id}"
    . ($more // '')), $get, 200) };
my $ack = 'POST /webhook-messages/poll/ack';
my $acked = sub { $t->works($t->post('/webhook-messages/poll/ack', { endpoint_id => $e->{id},
    cursor => "$_[0]" }), $ack, 200)->{acked} };
my $ns = sub { join ' ', map { $_->{payload}{data}{n} } @{ $_[0]{data} } };

is_deeply $poll->(), { data => [], next => undef }, 'nothing is there';
my $first = $say->();
$say->() for 2 .. 7;
my $page = $poll->('&most=3');
is $ns->($page), '1 2 3', 'the first ones';
is $page->{data}[0]{id}, $first->{id}, 'by their ids';
is_deeply [ map { $_->{seq} } @{ $page->{data} } ], [ 1, 2, 3 ], 'with their places';
is_deeply $page->{data}[0]{payload}, $t->get("/webhook-messages/$first->{id}")->json->{payload},
    'as they would be sent';
is $ns->($poll->('&most=3')), '1 2 3', 'they are there until they are acknowledged';
my $second = $poll->("&most=3&cursor=$page->{next}");
is $ns->($second), '4 5 6', 'the next ones are behind the cursor';
is $acked->($page->{next}), 3, 'the first page has arrived';
is $acked->($page->{next}), 0, 'once';
is $ns->($poll->()), '4 5 6 7', 'the rest is there';
is $acked->($second->{next}), 3;
$t->works($t->post("/webhook-messages/$first->{id}/resend", {}),
    'POST /webhook-messages/{id}/resend', 202);
is $ns->($poll->()), '7 1', 'one that is sent again is at the end of the line';
is $acked->($poll->()->{next}), 2;
is_deeply [ map { $_->[0] } $p->sql('select distinct state from webhooks.deliveries') ],
    ['succeeded'], 'all have arrived';
is $p->sql("select count(*) from pando.jobs where kind = 'webhooks.dispatch'"), 0,
    'and no job was asked for';

# places are filled in order, whatever else happens at once
$p->parallel(map { [ 'POST', '/api/v1/webhook-messages', token => $t->{token},
    body => { type => 'custom.note', payload => { n => $_ } } ] } 101 .. 130);
my (@seen, $cursor);
for (1 .. 10) {
    my $r = $poll->('&most=7' . ($cursor ? "&cursor=$cursor" : ''));
    push @seen, map { $_->{payload}{data}{n} } @{ $r->{data} };
    $cursor = $r->{next} // last;
}
is_deeply [ sort { $a <=> $b } @seen ], [ 101 .. 130 ], 'thirty at once: all, once each';
is $acked->($cursor // 999), 30, 'and acknowledged';

$t->patch("/webhook-endpoints/$e->{id}", { payload => 'thin' });
my $thin = $say->();
my ($one) = @{ $poll->()->{data} };
ok !exists $one->{payload}{data}, 'a thin one';
is $one->{payload}{dataref}, "/api/v1/webhook-messages/$thin->{id}", 'says where the rest is';
$acked->($one->{seq});

my $http = $t->endpoint($web, event_types => ['custom.other']);
$t->fails($t->get("/webhook-messages/poll?endpoint=$http->{id}"), $get, 'endpoint_not_pull');
$t->fails($t->get("/webhook-messages/poll?endpoint=$e->{id}&cursor=x"), $get, 'cursor_invalid',
    '/cursor');
$t->fails($t->get("/webhook-messages/poll?endpoint=$e->{id}", token => $Post::OTHER), $get,
    'not_found');
my $bad = sub { $t->post('/webhook-messages/poll/ack', { endpoint_id => $e->{id}, cursor => '1',
    @_[ 1 .. $#_ ] }, @{ $_[0] }) };
$t->fails($bad->([], endpoint_id => $http->{id}), $ack, 'endpoint_not_pull');
$t->fails($bad->([], cursor => '-1'), $ack, 'cursor_invalid', '/cursor');
$t->fails($bad->([ token => $Post::OTHER ]), $ack, 'not_found');

# its missed ones, recovered
$p->sql("update webhooks.endpoints set state = 'disabled' where id = ?", $e->{id});
$say->(payload => { n => $_ }) for 201 .. 203;
$t->post("/webhook-endpoints/$e->{id}/enable");
is_deeply $poll->()->{data}, [], 'what came while it was disabled';
$t->post("/webhook-endpoints/$e->{id}/recover", { since => '2026-01-01T00:00:00Z' });
$t->waits(sub { @{ $poll->()->{data} } == 3 }, 'is there when it is asked for');
$t->patch("/webhook-endpoints/$e->{id}", { payload => 'full' });
is $ns->($poll->()), '201 202 203', 'in order';


# how many a second

my $slow = $t->endpoint($web, at => '/slow', event_types => ['custom.slow'], rate_per_s => 4);
my $free = $t->endpoint($web, at => '/free', event_types => ['custom.slow']);
my $count = sub { my ($at) = @_; scalar grep { $_->{path} eq $at } $web->requests };
$say->(type => 'custom.slow') for 1 .. 13;
$t->waits(sub { $count->('/free') == 13 }, 'all come where nothing is said');
$t->waits(sub { $count->('/slow') == 13 }, 'and where four a second are');
my ($took) = $p->sql('select extract(epoch from max(a.at) - min(m.created_at))
    from webhooks.attempts a join webhooks.messages m on m.id = a.message_id
    where endpoint_id = ?', $slow->{id});
cmp_ok ref $took ? $took->[0] : $took, '>=', 2.9, 'in no less than three seconds';
is $t->patch("/webhook-endpoints/$slow->{id}", { rate_per_s => undef })->json->{rate_per_s},
    undef, 'no rate any more';
$t->delete("/webhook-endpoints/$_->{id}") for $slow, $free;


# too much waits

my $full = sub { scalar(() = $p->sql('select 1 from webhooks.backlogs')) };
my $measure = sub { $p->sql('select webhooks.measure(40)') };
$say->() for 1 .. 45;
is $measure->(), 1, 'too much waits for a tenant';
is $measure->(), 0, 'which is told once';
is scalar(() = $p->sql("select 1 from pando.outbox where type = 'webhook_backlog.filled'")), 1;
my $late = $say->();
is $late->{deliveries}[0]{state}, 'expired', 'what comes then is kept, and not in line';
$acked->(999);
$measure->();
is $full->(), 0, 'when it has been fetched there is room';
is $say->()->{deliveries}[0]{state}, 'pending', 'for what comes';
$t->post("/webhook-endpoints/$e->{id}/recover", { since => '2026-01-01T00:00:00Z' });
$t->waits(sub { grep { $_->{id} eq $late->{id} } @{ $poll->()->{data} } },
    'and what was kept comes when it is asked for');
$t->all_provoked('webhooks_pull.c');

done_testing;
