# From an event to its receivers: signed by each live secret, once each, tried
# again by the plan, and none for who did not ask.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Post;

my $answer = \&Pando::Elsewhere::answer;
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my ($status, %more) = split /[,=]/, $rq->{path} =~ m{^/(\d.*)} ? $1 : 200;

    $s->print($answer->($status, 'said', %more));
});
my $t = Post->new(workers => 2, to => [$web]);
my $p = $t->{p};
my $to = sub { my ($e) = @_; [ grep { $_->{path} eq $e } $web->requests ] };


# one event, three endpoints of which two want it, and another tenant's

my $a = $t->endpoint($web, at => '/a');
my $b = $t->endpoint($web, at => '/b', event_types => ['webhook_secret.*', 'webhook.*']);
my $c = $t->endpoint($web, at => '/c', event_types => ['webhook.exhausted']);
my $o = $t->endpoint($web, at => '/o', token => $Post::OTHER);
my $event = $t->tell;

$t->waits(sub { join(' ', $t->fates($a), $t->fates($b)) eq 'succeeded 1 succeeded 1' },
          'an event goes to those that want it');
is_deeply [ $t->fates($c), $t->fates($o) ], [], 'and to nobody else';

my ($rq) = @{ $to->('/a') };
my $body = decode_json($rq->{body});
is $rq->{headers}{'content-type'}, 'application/cloudevents+json';
is $body->{id}, $event, 'it is the event';
is $body->{specversion}, '1.0', 'as a CloudEvent';
ok Post::signed($rq, $a->{secret}), 'signed with its secret';
ok !Post::signed($rq, $b->{secret}), 'not with another one';
is scalar @{ $to->('/a') }, 1, 'once';

my $list = $t->works($t->get('/webhook-messages?type=webhook_secret.rotated'),
                     'GET /webhook-messages', 200);
is scalar @{ $list->{data} }, 1, 'one message';
my $m = $list->{data}[0];
is $m->{id}, $rq->{headers}{'webhook-id'}, 'its id is what was sent';
my $detail = $t->works($t->get("/webhook-messages/$m->{id}"),
                       'GET /webhook-messages/{id}', 200);
is_deeply $detail->{payload}, $body, 'with what was sent';
my $tries = $t->works($t->get("/webhook-messages/$m->{id}/attempts"),
                      'GET /webhook-messages/{id}/attempts', 200)->{data};
is_deeply [ map { "$_->{n} $_->{status} $_->{ip} $_->{response}" } @$tries ],
    [ ('1 200 127.0.0.1 said') x 2 ], 'and the attempts';
is $t->get('/webhook-messages?type=none')->json->{data}[0], undef, 'of no other type';


# the same event again: nothing

for (1 .. 5) {
    $p->sql("select webhooks.fan_out(?, ?, ?, '{}', '{}', null, ?)", $Pando::Token::TENANT,
            $event, 'webhook_secret.rotated', [ map { $_->{id} } $a, $b, $c ]);
}

is scalar(() = $p->sql('select 1 from webhooks.messages')), 1, 'one message, however often';
is scalar(() = $p->sql('select 1 from webhooks.deliveries')), 2, 'one delivery each';


# another tenant cannot see or resend it

for (["get", "/webhook-messages/$m->{id}"], ["get", "/webhook-messages/$m->{id}/attempts"],
     ["post", "/webhook-messages/$m->{id}/resend", {}]) {
    my ($verb, @args) = @$_;
    is $t->$verb(@args, token => $Post::OTHER)->{status}, 404, "another tenant: $args[0]";
}

is_deeply $t->get('/webhook-messages', token => $Post::OTHER)->json->{data}, [], 'nor a list';
is $t->get("/webhook-messages/$Pando::Routes::NOBODY$_")->{status}, 404, "nobody's$_"
    for '', '/attempts';


# resend: the same bytes and id, signed anew

my $resend = 'POST /webhook-messages/{id}/resend';
is $t->works($t->post("/webhook-messages/$m->{id}/resend", { endpoints => [ $a->{id} ] }),
    $resend, 202)->{deliveries}, 1, 'sent again to one';
$t->waits(sub { @{ $to->('/a') } == 2 }, 'it comes again');
my $again = $to->('/a')[1];
is $again->{body}, $rq->{body}, 'the same bytes';
is $again->{headers}{'webhook-id'}, $m->{id}, 'the same id';
ok Post::signed($again, $a->{secret}), 'and a good signature';
$t->waits(sub { ($t->fates($a))[0] eq 'succeeded 2' }, 'which is noted');
is scalar @{ $to->('/b') }, 1, 'the other one was not asked for';
$t->fails($t->post("/webhook-messages/$m->{id}/resend", { endpoints => [ $o->{id} ] }),
    $resend, 'nothing_to_resend');
$t->fails($t->post("/webhook-messages/$Pando::Routes::NOBODY/resend", {}), $resend,
    'not_found');
$t->fails($t->get("/webhook-messages/$Pando::Routes::NOBODY"), 'GET /webhook-messages/{id}',
    'not_found');
$t->fails($t->get("/webhook-messages/$Pando::Routes::NOBODY/attempts"),
    'GET /webhook-messages/{id}/attempts', 'not_found');
$t->all_provoked('webhooks_messages.c');


# rotation: both sign until the overlap is over

my $new = $t->post("/webhook-endpoints/$b->{id}/secret/rotate", {})->json->{secret};
$t->waits(sub { @{ $to->('/b') } == 1 && @{ $to->('/a') } == 3 },
          'a rotation is told, but not to the endpoint that it is about');
$t->tell;
$t->waits(sub { @{ $to->('/b') } == 2 }, 'an event after a rotation');
$rq = $to->('/b')[1];
ok Post::signed($rq, $b->{secret}), 'the secret of before signs';
ok Post::signed($rq, $new), 'and the new one';
is scalar(split / /, $rq->{headers}{'webhook-signature'}), 2, 'two signatures';
$p->sql('update webhooks.secrets set expires_at = now() where expires_at is not null');
$t->tell;
$t->waits(sub { @{ $to->('/b') } == 3 }, 'an event after the overlap');
$rq = $to->('/b')[2];
ok !Post::signed($rq, $b->{secret}), 'the secret of before is over';
ok Post::signed($rq, $new), 'the new one signs alone';


# pause: it waits, and goes when enabled

$t->post("/webhook-endpoints/$a->{id}/pause");
my $before = @{ $to->('/a') };
my @were = $t->fates($a);
$t->tell;
$t->waits(sub { ($t->fates($a))[-1] eq 'pending 0' && @{ $to->('/b') } == 4 },
          'what is for a paused endpoint waits');
is scalar @{ $to->('/a') }, $before, 'and does not come';
$t->post("/webhook-endpoints/$a->{id}/enable");
$t->waits(sub { ($t->fates($a))[-1] eq 'succeeded 1' }, 'until it is enabled');


# the plan

my @plan = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400);
is_deeply [ map { ($p->sql("select extract(epoch from webhooks.pause($_, 0))::int"))[0][0] }
            1 .. 9 ], \@plan, 'times of the plan';
is_deeply [ map { ($p->sql("select extract(epoch from webhooks.pause($_, 1))::int"))[0][0] }
            1 .. 9 ], [ map { $_ * 1.2 } @plan ], 'and at most a fifth later';
is +($p->sql('select webhooks.pause(10, 0)'))[0][0], undef, 'ten attempts are all';

sub due_in
{
    my ($e) = @_;
    return ($p->sql("select extract(epoch from next_at - clock_timestamp())
        from webhooks.deliveries where endpoint_id = ? and state = 'pending'
        order by message_id desc", $e->{id}))[0][0] // 0;
}

my $bad = $t->endpoint($web, at => '/500', event_types => ['*']);
$t->tell(type => 'note.written');
$t->waits(sub { "@{[ $t->fates($bad) ]}" eq 'pending 2' }, 'a 500 fails, and is tried again', 120);
my ($gap, $next) = @{ ($p->sql('select extract(epoch from max(a.at) - min(a.at)),
    extract(epoch from max(d.next_at) - max(a.at)) from webhooks.attempts a
    join webhooks.deliveries d using (endpoint_id, message_id) where endpoint_id = ?',
    $bad->{id}))[0] };
cmp_ok $gap, '>=', 5, 'not before five seconds are over';
ok $next > 299 && $next < 361, 'then in five minutes, and at most a fifth later' or diag $next;
my %ids = map { $_->{headers}{'webhook-id'} => 1 } @{ $to->('/500') };
is scalar keys %ids, 1, 'with one id';

# the last attempt

$p->sql('update webhooks.deliveries set planned = 9, next_at = clock_timestamp()
         where endpoint_id = ?', $bad->{id});
$p->sql('select webhooks.wake(?, ?, clock_timestamp())', $Pando::Token::TENANT, $bad->{id});
$t->waits(sub { "@{[ $t->fates($bad) ]}" eq 'failed 3' }, 'after the last one it has failed', 90);
$t->waits(sub { "@{[ $t->fates($c) ]}" eq 'succeeded 1' }, 'which is told to who asks for that');
is_deeply decode_json($to->('/c')[0]{body})->{data}, { endpoint_id => $bad->{id},
    message_id => (keys %ids)[0] }, 'with what it was';

# gone

my $gone = $t->endpoint($web, at => '/410', event_types => ['webhook_endpoint.failing']);
$t->tell(type => 'webhook_endpoint.failing');
$t->waits(sub { $t->get("/webhook-endpoints/$gone->{id}")->json->{state} eq 'disabled' },
          '410 disables');
is $t->get("/webhook-endpoints/$gone->{id}")->json->{disabled_reason}, 'gone', 'and says why';
is scalar(() = $p->sql("select 1 from pando.outbox where type = 'webhook_endpoint.disabled'
    and subject = ?", $gone->{id})), 1, 'which is told';

# Retry-After, for all of the endpoint's

for my $status (429, 503) {
    my $late = $t->endpoint($web, at => "/$status,Retry-After=60",
                            event_types => ['webhook_endpoint.disabled']);
    $t->tell(type => 'webhook_endpoint.disabled');
    $t->waits(sub { "@{[ $t->fates($late) ]}" eq 'pending 1' }, "a $status is a failure");
    my $in = due_in($late);
    ok $in > 20 && $in <= 61, 'not before a minute is over' or diag $in;
    $t->tell(type => 'webhook_endpoint.disabled');
    $t->waits(sub { ($t->fates($late))[-1] eq 'pending 0' }, 'the next one waits, too');
    is scalar @{ $to->("/$status,Retry-After=60") }, 1, 'and nothing was sent meanwhile';
    $t->delete("/webhook-endpoints/$late->{id}");
}

# five days of it

$p->sql("update webhooks.lanes set failing_since = now() - interval '25 hours', failures = 12
         where endpoint_id = ?", $bad->{id});
is +($p->sql('select webhooks.review()'))[0][0], 1, 'a day of failures is told';
is +($p->sql('select webhooks.review()'))[0][0], 0, 'once';
$p->sql("update webhooks.lanes set failing_since = now() - interval '6 days'
         where endpoint_id = ?", $bad->{id});
is +($p->sql('select webhooks.review()'))[0][0], 1, 'five days of it';
is $t->get("/webhook-endpoints/$bad->{id}")->json->{disabled_reason}, 'failing', 'are enough';

unlike $p->log . $p->log('access.log'), qr/whsec_/, 'no secret is in a log';
is scalar(() = $p->sql("select 1 from webhooks.attempts a
    where a::text like '%whsec%'")), 0, 'nor in an attempt';

done_testing;
