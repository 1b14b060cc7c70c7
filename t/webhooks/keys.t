# What receivers verify with: secrets that are seen by who may, key pairs whose
# public half is there for all, both through rotations; and a URL that proves
# that somebody is there.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Post;

my $answer = \&Pando::Elsewhere::answer;
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my $data = eval { decode_json($rq->{body})->{data} } // {};

    return $s->print($answer->(200, encode_json({ challenge => $data->{challenge} // '' })))
        if $rq->{path} =~ m{^/mine};
    return $s->print($answer->(200, '{"challenge":"guessed"}')) if $rq->{path} eq '/guess';
    return $s->print($answer->(500, $rq->{body})) if $rq->{path} eq '/500';
    return 'close' if $rq->{path} eq '/close';
    $s->print($answer->(200, 'ok'));
});
my $t = Post->new(workers => 2, to => [$web],
    http => 'pando_set webhooks.egress "192.0.2.7 2001:db8::7";');
my $p = $t->{p};
my $to = sub { my ($e) = @_; [ grep { $_->{path} eq $e } $web->requests ] };
my $public = sub { $p->get('/.well-known/webhooks-keys.json?endpoint=' . $_[0]) };
my $keys = 'GET /.well-known/webhooks-keys.json';


# Secrets: for admins

my $get = 'GET /webhook-endpoints/{id}/secret';
my $e = $t->endpoint($web, at => '/plain');
my $list = $t->works($t->get("/webhook-endpoints/$e->{id}/secret"), $get, 200)->{data};
is_deeply [ map { "$_->{kind} $_->{key}" } @$list ], [ "hmac $e->{secret}" ],
    'an admin sees it';
is $t->get("/webhook-endpoints/$e->{id}/secret", token => $p->token(scope => 'webhooks:write'))
    ->{status}, 403, 'who may only write does not';
$t->fails($t->get("/webhook-endpoints/$e->{id}/secret", token => $Post::OTHER), $get,
    'not_found');
$t->fails($public->($e->{id}), $keys, 'not_found', undef, 'no key is published');


# A key pair

my $pair = $t->endpoint($web, at => '/pair', ed25519 => JSON::PP::true);
my $known = $t->works($public->($pair->{id}), $keys, 200)->{keys};
is scalar @$known, 1, 'its public half is for all to see';
my $first = $known->[0]{whpk};
like $first, qr{^whpk_[A-Za-z0-9+/]{43}=$};
is_deeply [ map { "$_->{kind} $_->{key}" }
    @{ $t->get("/webhook-endpoints/$pair->{id}/secret")->json->{data} } ],
    [ "hmac $pair->{secret}", "ed25519 $first" ], 'and nothing more of it to an admin';
$t->tell;
$t->waits(sub { @{ $to->('/pair') } == 1 && @{ $to->('/plain') } == 1 }, 'an event');
my ($rq) = @{ $to->('/pair') };
ok Post::signed($rq, $pair->{secret}), 'signed with the secret';
is $t->signed_openly($rq, $first), 1, 'and by the key, as openssl finds';
is $t->signed_openly({ %$rq, body => "$rq->{body} " }, $first), 0, 'as it was sent';
unlike $to->('/plain')[0]{headers}{'webhook-signature'}, qr/v1a/, 'where it is asked for';

my $verify = 'POST /webhook-signatures/verify';
my $said = sub { $t->works($t->post('/webhook-signatures/verify', { headers => $rq->{headers},
    body => $rq->{body}, @_ }), $verify, 200)->{rule} };
my %only = (headers => { %{ $rq->{headers} }, 'webhook-signature' =>
    join ' ', grep { /^v1a/ } split / /, $rq->{headers}{'webhook-signature'} });
is $said->(%only, secret => $first), undef, 'it is verified by the key';
is $said->(%only, endpoint_id => $pair->{id}), undef, 'or by the endpoint';
is $said->(%only, secret => $pair->{secret}), 'no_signature_matches', 'not by the secret';
is $said->(%only, endpoint_id => $e->{id}), 'no_signature_matches', 'nor by another endpoint';
is $said->(%only, secret => $first, body => "$rq->{body} "), 'no_signature_matches',
    'nor with a byte more';


# Rotations: of both kinds, of which two are live at most

for (1 .. 3) {
    $t->post("/webhook-endpoints/$pair->{id}/secret/rotate", { overlap_h => 1 });
}

$known = $public->($pair->{id})->json->{keys};
is scalar @$known, 2, 'after rotations two keys are live';
isnt $known->[$_]{whpk}, $first, 'neither is the first' for 0, 1;
$t->tell;
$t->waits(sub { @{ $to->('/pair') } == 2 }, 'an event after rotations');
my $rq2 = $to->('/pair')[1];
is scalar(split / /, $rq2->{headers}{'webhook-signature'}), 4, 'signed four times';
is $t->signed_openly($rq2, $known->[$_]{whpk}), 1, "by key $_" for 0, 1;
is $t->signed_openly($rq2, $first), 0, 'but not by the first';
$p->sql('update webhooks.secrets set expires_at = now() where expires_at is not null');
is_deeply [ map { $_->{whpk} } @{ $public->($pair->{id})->json->{keys} } ],
    [ $known->[0]{whpk} ], 'after the overlap one is left, the newest';

$t->patch("/webhook-endpoints/$pair->{id}", { ed25519 => JSON::PP::false });
$t->fails($public->($pair->{id}), $keys, 'not_found', undef, 'it is given up');
is $t->patch("/webhook-endpoints/$pair->{id}", { ed25519 => JSON::PP::true })->json->{ed25519},
    JSON::PP::true, 'and asked for again';
isnt $public->($pair->{id})->json->{keys}[0]{whpk}, $known->[0]{whpk}, 'it is another one';
unlike join('', map { $_->[0] // '' } $p->sql('select key_ct from webhooks.secrets')),
    qr/whsec|whpk|whsk/, 'what is kept is encrypted';


# Many rotations while events come: who has either secret verifies them all

my $busy = $t->endpoint($web, at => '/busy', event_types => ['custom.*']);
my $new = $t->post("/webhook-endpoints/$busy->{id}/secret/rotate", {})->json->{secret};
my $say = sub { $t->post('/webhook-messages', { type => 'custom.note', payload => {} }) };
$say->() for 1 .. 60;
$t->waits(sub { @{ $to->('/busy') } == 60 }, 'sixty messages within an overlap');
is scalar(grep { Post::signed($_, $busy->{secret}) } @{ $to->('/busy') }), 60,
    'the secret of before verifies all';
is scalar(grep { Post::signed($_, $new) } @{ $to->('/busy') }), 60, 'and so does the new one';
$p->sql('update webhooks.secrets set expires_at = now() where expires_at is not null');
$say->() for 1 .. 20;
$t->waits(sub { @{ $to->('/busy') } == 80 }, 'twenty after it');
is scalar(grep { Post::signed($_, $busy->{secret}) } @{ $to->('/busy') }), 60,
    'the secret of before verifies none of them';
is scalar(grep { Post::signed($_, $new) } @{ $to->('/busy') }), 80, 'the new one all';


# A URL that has to answer

my $add = 'POST /webhook-endpoints';
my %in = (event_types => ['custom.*']);
my $at = sub { (url => $t->url($web, $_[0])) };
my $mine = $t->works($t->post('/webhook-endpoints?verify=true', { %in, $at->('/mine'),
    headers => { 'X-Mine' => 'yes' } }), $add, 201);
($rq) = @{ $to->('/mine') };
is decode_json($rq->{body})->{type}, 'webhook.challenge', 'a challenge was sent';
ok Post::signed($rq, $mine->{secret}), 'signed';
is $rq->{headers}{'x-mine'}, 'yes', 'with the headers that were given';
$t->fails($t->post('/webhook-endpoints?verify=true', { %in, $at->("/$_") }), $add,
    'challenge_failed', '/url', "not answered: $_") for 'plain', 'guess', '500', 'close';
my $change = 'PATCH /webhook-endpoints/{id}';
$t->fails($t->patch("/webhook-endpoints/$mine->{id}?verify=true", { $at->('/guess') }), $change,
    'challenge_failed', '/url');
is $t->get("/webhook-endpoints/$mine->{id}")->json->{url}, $t->url($web, '/mine'),
    'what does not answer changes nothing';
$t->works($t->patch("/webhook-endpoints/$mine->{id}?verify=true", { $at->('/mine/2') }), $change,
    200);
$t->works($t->patch("/webhook-endpoints/$mine->{id}?verify=true", { description => 'x' }),
    $change, 200, 'no url, no challenge');
is scalar @{ $to->('/mine/2') }, 1, 'one each';


# Where calls come from

is_deeply $t->works($p->get('/.well-known/webhooks-egress.json'),
    'GET /.well-known/webhooks-egress.json', 200), { addresses => [ '192.0.2.7',
    '2001:db8::7' ] }, 'addresses as they are set';

$t->all_provoked('webhooks_secrets.c', 'webhooks_known.c');
unlike $p->log . $p->log('access.log'), qr/whsec_/, 'no secret is in a log';

done_testing;
