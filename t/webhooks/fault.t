# What receivers and workers do at their worst: hang, drip, never end, redirect
# to where nobody may go, die in the middle.  Nothing is lost, nobody waits for
# another one, and what comes twice comes with the same id.

use FindBin;
use lib $FindBin::Bin;
use File::Temp;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Post;
use Time::HiRes qw(sleep time);

my $answer = \&Pando::Elsewhere::answer;
my $gate = File::Temp::tempdir(CLEANUP => 1) . '/open';
my $inside = Pando::Elsewhere->web(sub { $_[0]->print($answer->(200, 'inside')) });
my $hidden = $inside->port;

my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my ($at) = $rq->{path} =~ m{^/(\w+)};

    if ($at eq 'hang') {
        sleep 90;
        return 'close';
    } elsif ($at eq 'gate') {
        my $until = time + 90;
        sleep 0.02 while !-e $gate && time < $until;
    } elsif ($at eq 'drip') {
        $s->print("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        for (1 .. 60) { $s->print('x') or last; sleep 1 }
        return 'close';
    } elsif ($at eq 'endless') {
        $s->print("HTTP/1.1 200 OK\r\n\r\n");
        for (1 .. 4000) { $s->print('x' x 65536) or last }
        return 'close';
    } elsif ($at eq 'redirect') {
        $s->print($answer->(302, '', Location => "http://127.0.0.2:$hidden/"));
        return;
    } elsif ($at eq 'reset') {
        return 'close';
    }

    $s->print($answer->(200, 'well'));
});

my $t = Post->new(workers => 2, to => [ $web, $inside ], http => 'pando_jobs lease=2s;
    pando_set webhooks.lease_spare_seconds 1;');
my $p = $t->{p};

sub last_error
{
    my ($e) = @_;
    my @r = $p->sql('select error, status, octet_length(response) from webhooks.attempts
        where endpoint_id = ? order by id desc', $e->{id});
    return @r ? join ' ', map { $_ // '-' } @{ $r[0] } : '';
}

sub one
{
    my ($at, $type, %set) = @_;
    my $e = $t->endpoint($web, at => "/$at", timeout_ms => 1000, event_types => ['*'], %set);
    $t->tell(type => $type);
    $t->waits(sub { last_error($e) ne '' }, "$at: an attempt is noted");
    my $said = last_error($e);
    my $good = grep { /^succeeded/ } $t->fates($e);
    $t->delete("/webhook-endpoints/$e->{id}");
    return ($good ? 'good' : 'bad') . ", $said";
}


is one('hang', 'note.a'), 'bad, timeout - -', 'who hangs is left';
like one('drip', 'note.b'), qr/^bad, timeout (?:-|200) /, 'so is who drips';
is one('endless', 'note.c'), 'good, too_large 200 4096',
    'an endless answer is cut, and was a good one';
is one('redirect', 'note.d'), 'bad, - 302 -', 'a redirect is a failure';
is scalar(() = $inside->notes), 0, 'and is not followed';
like one('reset', 'note.e'), qr/^bad, broken - -/, 'a connection that breaks is, too';


# an address that is not to be called: it is looked at each time

my $e = $t->endpoint($web, at => '/ok', event_types => ['*']);
$p->sql('update webhooks.endpoints set url = ? where id = ?', "http://127.0.0.2:$hidden/",
        $e->{id});
$t->tell(type => 'note.f');
$t->waits(sub { last_error($e) ne '' }, 'an attempt at a private address');
like last_error($e), qr/^(?:bad_url|refused_address) - -/, 'is refused';
is scalar(() = $inside->notes), 0, 'and never connected';
$t->delete("/webhook-endpoints/$e->{id}");


# one that hangs has no more under way than it may, and others go on

my $slow = $t->endpoint($web, at => '/gate', max_in_flight => 3, timeout_ms => 30000,
                        event_types => ['*']);
my $fine = $t->endpoint($web, at => '/fine', event_types => ['*']);
$t->tell(type => 'note.g') for 1 .. 30;
$t->waits(sub { (grep { $_ eq 'succeeded 1' } $t->fates($fine)) == 30 },
          'all came where one answers');
$t->waits(sub { (grep { $_ eq 'sending 1' } $t->fates($slow)) == 3 },
          'three are under way where one does not');
$t->waits(sub { (grep { $_->{path} eq '/gate' } $web->requests) >= 3 }, 'and have come');
is scalar(grep { $_->{path} eq '/gate' } $web->requests), 3, 'but no more';
open my $out, '>', $gate or die;
close $out;
$t->waits(sub { (grep { /^succeeded/ } $t->fates($slow)) == 30 }, 'the rest comes after them', 120);
unlink $gate;
$t->delete("/webhook-endpoints/$_->{id}") for $slow, $fine;


# a worker that dies with deliveries in hand

my $kept = $t->endpoint($web, at => '/gate', max_in_flight => 4, timeout_ms => 2000,
                        event_types => ['*']);
$web->forget;
$t->tell(type => 'note.h') for 1 .. 12;
$t->waits(sub { grep { $_ eq 'sending 1' } $t->fates($kept) }, 'deliveries under way');
$p->kill_worker('KILL', $_) for $p->worker_pids;
open $out, '>', $gate or die;
close $out;
my $next = 0;
$t->waits(sub {
    $p->sql('update webhooks.deliveries set next_at = clock_timestamp()
             where state = \'pending\' and next_at > clock_timestamp()');
    $p->sql('select webhooks.wake(?, ?, clock_timestamp())', $Pando::Token::TENANT, $kept->{id})
        if time > $next && ($next = time + 1);
    return (grep { /^succeeded/ } $t->fates($kept)) == 12;
}, 'all are delivered all the same', 180);
my %came;
$came{$_->{headers}{'webhook-id'}}{$_->{body}}++ for $web->requests;
is scalar keys %came, 12, 'each with one id';
is scalar(grep { keys %$_ != 1 } values %came), 0, 'which is always of the same bytes';
is scalar(grep { /^sending/ } $t->fates($kept)), 0, 'none is left under way';


# a secret that cannot be read: nothing is sent unsigned

my $mute = $t->endpoint($web, at => '/mute', event_types => ['webhook_endpoint.failing']);
$p->sql("update webhooks.secrets set key_ct = (select key_ct from webhooks.secrets
             where endpoint_id = ?) where endpoint_id = ?", $kept->{id}, $mute->{id});
is $t->post("/webhook-endpoints/$mute->{id}/test", { type => 'webhook.exhausted' })
    ->json->{status}, 200, 'one that can be read';
$p->sql("update webhooks.secrets set key_ct = translate(key_ct, 'ABCabc', 'BCAbca')
         where endpoint_id = ?", $mute->{id});
is $t->post("/webhook-endpoints/$mute->{id}/test", { type => 'webhook.exhausted' })
    ->json->{error}, 'secret_unreadable', 'one that was changed';
$t->tell(type => 'webhook_endpoint.failing');
$t->waits(sub { last_error($mute) eq 'secret_unreadable - -' }, 'is a failed attempt');
is scalar(grep { $_->{path} eq '/mute' } $web->requests), 1, 'and nothing came';
$t->delete("/webhook-endpoints/$mute->{id}");


# who fails ten times in a row is probed, one at a time

my $ill = $t->endpoint($web, at => '/reset', event_types => ['webhook_endpoint.failing']);
$p->sql('update webhooks.lanes set failures = 12 where endpoint_id = ?', $ill->{id});
$t->tell(type => 'webhook_endpoint.failing') for 1 .. 5;
$t->waits(sub { last_error($ill) ne '' && (() = $t->fates($ill)) == 5 }, 'a probe');
is scalar(grep { $_ eq 'pending 0' } $t->fates($ill)), 4, 'and the others were not tried';


# the test route, and a signature that is checked

my $ok = $t->endpoint($web, at => '/ok');
my $test = 'POST /webhook-endpoints/{id}/test';
$web->forget;
my $r = $t->works($t->post("/webhook-endpoints/$ok->{id}/test", { type => 'webhook.exhausted' }),
                  $test, 200);
is "$r->{status} $r->{good} $r->{response}", '200 1 well', 'an example is sent at once';
my ($rq) = grep { $_->{path} eq '/ok' } $web->requests;
ok Post::signed($rq, $ok->{secret}), 'and signed';
is decode_json($rq->{body})->{type}, 'webhook.exhausted', 'as that event';
ok decode_json($rq->{body})->{data}{message_id}, 'with what is in one';
$t->fails($t->post("/webhook-endpoints/$ok->{id}/test", { type => $_ }), $test,
    'unknown_event_type', '/type') for 'webhook.*', 'no.such';
$t->fails($t->post("/webhook-endpoints/$Pando::Routes::NOBODY/test",
    { type => 'webhook.exhausted' }), $test, 'not_found');
is $t->post("/webhook-endpoints/$ill->{id}/test", { type => 'webhook.exhausted' })->json->{error},
    'broken', 'what went wrong is said';

my $check = 'POST /webhook-signatures/verify';
my $in = sub { my (%set) = @_; return { headers => $rq->{headers}, body => $rq->{body}, %set } };
my $verify = sub {
    my ($name, $rule, %set) = @_;
    my $r = $t->works($t->post('/webhook-signatures/verify', $in->(%set)), $check, 200, $name);
    is $r->{rule}, $rule, $name;
    is $r->{valid} ? 1 : 0, $rule ? 0 : 1, "$name: as a whole";
};
my %head = %{ $rq->{headers} };
my ($id, $at) = @head{qw(webhook-id webhook-timestamp)};
my $as = sub { my ($when, $body) = @_;
    return { %head, 'webhook-timestamp' => "$when",
        'webhook-signature' => Post::signature($ok->{secret}, $id, $when, $body // $rq->{body}) } };

$verify->('with the secret', undef, secret => $ok->{secret});
$verify->('with the endpoint', undef, endpoint_id => $ok->{id});
$verify->('a byte more', 'no_signature_matches', secret => $ok->{secret}, body => "$rq->{body} ");
$verify->('another secret', 'no_signature_matches', endpoint_id => $ill->{id});
$verify->('six minutes ago', 'timestamp_too_old', secret => $ok->{secret},
    headers => $as->($at - 400));
$verify->('in six minutes', 'timestamp_in_future', secret => $ok->{secret},
    headers => $as->(int(time) + 400));
$verify->('among others', undef, secret => $ok->{secret}, headers => { %head,
    'webhook-signature' => "v1,AAAA v1a,x $head{'webhook-signature'}" });
$verify->('in capitals', undef, secret => $ok->{secret},
    headers => { map { uc $_ => $head{$_} } keys %head });
$verify->('another id', 'no_signature_matches', secret => $ok->{secret},
    headers => { %head, 'webhook-id' => 'x' });
$verify->('no id', 'webhook_id_missing', secret => $ok->{secret}, headers => {});
$verify->('no time', 'webhook_timestamp_malformed', secret => $ok->{secret},
    headers => { %head, 'webhook-timestamp' => '12x' });
$verify->('no signature', 'webhook_signature_missing', secret => $ok->{secret},
    headers => { %head, 'webhook-signature' => '' });

$t->fails($t->post('/webhook-signatures/verify', $in->(secret => $_)), $check,
    'secret_malformed', '/secret', "no secret: $_")
    for 'x', 'whsec_', 'whsec_AAAA', 'whsec_' . ('A' x 100), 'whsec_' . ('A' x 31) . '=',
        'whsec_' . ('_' x 32);
$t->fails($t->post('/webhook-signatures/verify', $in->(@$_)), $check, 'secret_or_endpoint')
    for [], [ secret => $ok->{secret}, endpoint_id => $ok->{id} ];
$t->fails($t->post('/webhook-signatures/verify', $in->(endpoint_id => $ok->{id}),
    token => $Post::OTHER), $check, 'endpoint_unknown', '/endpoint_id');
my $pull = $t->post('/webhook-endpoints', { kind => 'pull', event_types => ['*'] })->json;
$t->fails($t->post("/webhook-endpoints/$pull->{id}/test", { type => 'webhook.exhausted' }),
    $test, 'endpoint_pulls');
$t->all_provoked('webhooks_trials.c');

unlike $p->log . $p->log('access.log'), qr/whsec_/, 'no secret is in a log';

done_testing;
