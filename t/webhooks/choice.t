# What an endpoint chooses: by conditions and channels, as much of an event as
# it wants, with headers of its own; and what a tenant sends itself.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Post;

my $web = Pando::Elsewhere->web(sub { $_[0]->print(Pando::Elsewhere::answer(200, 'ok')) });
my $t = Post->new(workers => 2, to => [$web]);
my $p = $t->{p};
my $send = 'POST /webhook-messages';
my $to = sub { my ($e) = @_; [ grep { $_->{path} eq $e } $web->requests ] };
my $data = sub { [ map { decode_json($_->{body})->{data} } @{ $to->(@_) } ] };
my $last = $t->endpoint($web, at => '/last', event_types => ['custom.last']);

# When this one has come, all that was said before was looked at.
sub settled
{
    my $n = @{ $to->('/last') };
    $t->tell(type => 'custom.last');
    $t->waits(sub { @{ $to->('/last') } > $n }, 'all that was said before is on its way');
    $t->waits(sub { !$p->sql("select count(*) from webhooks.deliveries
        where state in ('pending', 'sending')") }, 'and has come');
}


# Conditions

my $odd = $t->endpoint($web, at => '/odd', filters => ['data.overlap_h % 2 == 1']);
my $few = $t->endpoint($web, at => '/few',
    filters => ['data.overlap_h > 2', 'data.overlap_h in [1, 2, 3, 4]']);
my $never = $t->endpoint($web, at => '/never', filters => ['data.nothing.there > 0']);
my $broken = $t->endpoint($web, at => '/broken', filters => ['data.endpoint_id > 5 || true',
    'data.endpoint_id > 5']);
my $by = $t->endpoint($web, at => '/by', filters => ['type.endsWith("rotated")',
    'time > timestamp("2026-01-01T00:00:00Z")']);

$t->tell for 0 .. 5;
settled();
is_deeply [ sort map { $_->{overlap_h} } @{ $data->('/odd') } ], [ 1, 3, 5 ],
    'a condition on the data';
is_deeply [ sort map { $_->{overlap_h} } @{ $data->('/few') } ], [ 3, 4 ],
    'two conditions: both hold';
is scalar @{ $to->('/never') }, 0, 'what is missing is not so';
is scalar @{ $to->('/broken') }, 0, 'nor is what fails';
is scalar @{ $to->('/by') }, 6, 'conditions on the event itself';
$t->delete("/webhook-endpoints/$_->{id}") for $odd, $few, $never, $broken, $by;


# Thin, with headers of its own

my $thin = $t->endpoint($web, at => '/thin', payload => 'thin',
    headers => { Authorization => 'Bearer mine', 'X-From' => 'pando' });
my $event = $t->tell(subject => $Pando::Routes::NOBODY);
settled();
my ($rq) = @{ $to->('/thin') };
my $got = decode_json($rq->{body});
is $got->{id}, $event, 'a thin one is of the same event';
is $got->{subject}, $Pando::Routes::NOBODY, 'and says of what';
ok !exists $got->{data}, 'but not what';
ok Post::signed($rq, $thin->{secret}), 'the bytes sent are signed';
is_deeply $t->{p}->get($got->{dataref}, token => { scope => 'webhooks:read' })
    ->json->{payload}{data}{endpoint_id}, $Pando::Routes::NOBODY, 'what is at its dataref';
is_deeply [ @{ $rq->{headers} }{qw(authorization x-from)} ], [ 'Bearer mine', 'pando' ],
    'its headers are sent';
unlike join('', map { $_->[0] } $p->sql('select a::text from webhooks.attempts a')),
    qr/Bearer mine/, 'and stand in no attempt';


# What a tenant sends itself

my %in = (type => 'custom.greeting', payload => { hello => 'world' });
my $all = $t->endpoint($web, at => '/all', event_types => ['custom.*']);
my $eu = $t->endpoint($web, at => '/eu', event_types => ['custom.greeting'],
                      channels => [ 'eu', 'uk' ]);
my $m = $t->works($t->post('/webhook-messages', { %in }), $send, 202);
is_deeply [ map { $_->{endpoint_id} } @{ $m->{deliveries} } ], [ $all->{id} ],
    'to all who want it, but not to who wants a channel';
settled();
($rq) = @{ $to->('/all') };
is_deeply decode_json($rq->{body})->{data}, $in{payload}, 'as it was given';
is $rq->{headers}{'webhook-id'}, $m->{id}, 'by the id that was told';
$m = $t->works($t->post('/webhook-messages', { %in, channels => ['uk', 'fr'] }), $send, 202);
is scalar @{ $m->{deliveries} }, 2, 'one for a channel goes to both';
settled();
is scalar @{ $to->('/eu') }, 1, 'once';

my $id = '01939bd0-0000-7000-8000-00000000beef';
my @same = map { $t->post('/webhook-messages', { %in, event_id => $id }) } 1 .. 3;
is_deeply [ map { $_->{status} } @same ], [ 202, 202, 202 ], 'one that is sent again';
is scalar keys %{ { map { $_->json->{id} => 1 } @same } }, 1, 'is the same message';
settled();
is scalar(grep { decode_json($_->{body})->{id} eq $id } @{ $to->('/all') }), 1,
    'and comes once';

$t->fails($t->post('/webhook-messages', { %in, type => $_ }), $send, 'event_type_not_custom',
    '/type') for 'webhook_secret.rotated', 'custom.A', 'custom. x';
$t->fails($t->post('/webhook-messages', { %in, payload => { x => 'y' x 262144 } }), $send,
    'payload_too_large', '/payload');
is $t->post('/webhook-messages', { %in, payload => { x => 'y' x 262000 } })->{status}, 202,
    'up to 256 KiB';
$t->fails($t->post('/webhook-messages', { %in }, token => $Post::OTHER), $send,
    'nobody_wants_it');
is $t->post('/webhook-messages', { %in, event_id => $id }, token => $Post::OTHER)->{status},
    409, 'nor is it told of a message of another tenant';
$t->all_provoked('webhooks_broadcast.c');


# How it went

my $stats = $t->works($t->get("/webhook-endpoints/$all->{id}/stats"),
                      'GET /webhook-endpoints/{id}/stats', 200);
cmp_ok $stats->{attempts}, '>=', 3, 'attempts are counted';
is $stats->{success_ratio}, 1, 'all of them good';
is $stats->{failures_in_a_row}, 0;
ok defined $stats->{p95_ms}, 'and how long they took';
is $t->get("/webhook-endpoints/$all->{id}/stats", token => $Post::OTHER)->{status}, 404,
    'not told to another tenant';

done_testing;
