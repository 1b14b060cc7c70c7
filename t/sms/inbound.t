# What comes in: signed, written down once, and what its keywords do; threads
# both ways; and that STOP holds from its commit on, whatever is queued.

use FindBin;
use lib $FindBin::Bin;
use Digest::SHA qw(hmac_sha256_hex hmac_sha1);
use JSON::PP;
use MIME::Base64;
use Pando;
use Sms;

my $t = Sms->new(workers => 2, set => { brand => 'Grove', contact => 'Call 1.',
    public_url => 'https://api.example.com' });
my $p = $t->{p};
my $at = 'POST /sms/inbound/{id}';
my $us = '+12015550100';
my $http = $t->post('/sms/providers', { name => 'h', kind => 'http',
    base_url => 'https://sms.example.com/', config => { secret => 'hush' } })->json;
my $box = $t->post('/sms/providers', { name => 'box', kind => 'captured' })->json;
my $n = 0;

sub hear
{
    my ($text, %set) = @_;
    my $json = JSON::PP->new->utf8;
    my $body = $set{raw} // $json->encode({ ref => $set{ref} // 'r' . ++$n,
        from => $set{from} // $Sms::TO, to => $set{to} // $us, text => $text });
    my $when = time;

    return $p->post("/api/v1/sms/inbound/" . ($set{id} // $http->{id}), $body,
        'X-Pando-Timestamp' => $when,
        'X-Pando-Signature' => hmac_sha256_hex("$when.$body", $set{key} // 'hush'));
}

sub boxed { return map { $_->[0] } $p->sql('select body from sms.outbox order by message_id') }


# a message

$t->works(hear("Hi there \x{1f600}"), $at, 204);
my $in = $t->works($t->get('/sms/inbound'), 'GET /sms/inbound', 200)->{data}[0];
is_deeply [ @$in{qw(from to body keyword)} ], [ $Sms::TO, $us, "Hi there \x{1f600}", undef ],
    'is written down';
hear('Hi there again', ref => 'r1');
is scalar @{ $t->get('/sms/inbound')->json->{data} }, 1, 'once';
is scalar(() = $p->sql("select 1 from pando.outbox where type = 'sms.received'")), 1,
    'and told once';
is_deeply [ boxed() ], [], 'it is not answered by itself';
$t->fails(hear('x', key => 'no'), $at, 'bad_signature');
$t->fails(hear('x', id => $_), $at, 'not_found') for $Pando::Routes::NOBODY, $box->{id};
$t->fails(hear('x', %$_), $at, 'inbound_malformed') for { raw => '{}' }, { raw => 'x' },
    { from => 'me' }, { to => '' }, { to => 'x' x 21 };


# its thread, and an answer

my $threads = $t->works($t->get('/sms/threads'), 'GET /sms/threads', 200)->{data};
is_deeply [ map { "$_->{number} $_->{sender}" } @$threads ], [ "$Sms::TO $us" ], 'a thread';
my $path = "/sms/threads/$threads->[0]{id}";
my $reply = 'POST /sms/threads/{id}/reply';
my $m = $t->works($t->post("$path/reply", { body => 'Hello' }), $reply, 202);
$t->ends($m, 'delivered', 'an answer goes');
is $t->message($m)->{sender}, $us, 'from whom it was sent to';
hear('Thanks');
my $said = $t->works($t->get($path), 'GET /sms/threads/{id}', 200)->{messages};
is_deeply [ map { ($_->{incoming} ? '> ' : '< ') . $_->{body} } @$said ],
    [ "> Hi there \x{1f600}", '< Hello', '> Thanks' ], 'both ways, in order';
$t->fails($t->post("$path/reply", { body => 'a' x 1700 }), $reply, 'too_long', '/body');
$t->fails($t->post("/sms/threads/$Pando::Routes::NOBODY/reply", { body => 'x' }), $reply,
    'not_found');
$t->fails($t->get("/sms/threads/$Pando::Routes::NOBODY"), 'GET /sms/threads/{id}', 'not_found');
is $t->get($path, token => $Sms::OTHER)->{status}, 404, 'another tenant';


# STOP while fifty are queued

my $wait = '2099-01-01T00:00:00Z';
$t->post('/sms/messages/batch', { messages => [ map { { to => $Sms::TO, body => "q $_",
    sender => $us, send_at => $wait, lane => $_ % 2 ? 'marketing' : 'transactional' } }
    1 .. 50 ] });
my $code = $t->sent(lane => 'otp', sender => $us, body => 'a code', send_at => $wait);
hear("  stop. ");
$t->waits(sub { grep { /^Grove: you get no more/ } boxed() }, 'STOP is answered');
hear('STOP');
hear('STOP', ref => 'r' . $n);
$p->sql("update sms.messages set next_at = clock_timestamp() where state = 'scheduled'");
$p->sql("select sms.wake(tenant_id, lane, id, clock_timestamp()) from sms.messages
    where state = 'scheduled'");
$t->waits(sub { $t->count("messages where state = 'suppressed'") == 50 }, 'of fifty none goes');
$t->ends($code, 'delivered', 'a code does');
is scalar(grep { /^q / } boxed()), 0, 'none of them was handed over';
is $t->post('/sms/messages', { to => $Sms::TO, body => 'x', sender => $us })->json->{code},
    'opted_out', 'nor is one taken on';
$t->fails($t->post("$path/reply", { body => 'x' }), $reply, 'opted_out', '/to');
$t->ends($t->sent(sender => 'ANOTHER'), 'delivered', 'another sender may');
my ($o) = @{ $t->get('/sms/opt-outs')->json->{data} };
is "$o->{source} $o->{sender}", "keyword $us", 'it is kept with where it is from';
is $t->delete("/sms/opt-outs/$o->{id}")->json->{code}, 'keyword_stop', 'nobody else undoes it';
hear('Start');
$t->ends($t->sent(sender => $us), 'delivered', 'START does');
$t->waits(sub { grep { /messages again/ } boxed() }, 'and is answered');
hear('help');
$t->waits(sub { grep { /^Grove: Call 1\./ } boxed() }, 'so is HELP');
is_deeply [ map { $_->[0] } $p->sql("select type from pando.outbox where type like 'sms.opted%'
    order by seq") ], [ ('sms.opted_out') x 2, 'sms.opted_in' ], 'each is told';

for ([ "\x{441}\x{442}\x{43e}\x{43f}", "\x{421}\x{422}\x{41e}\x{41f}" ],
     [ 'Abmelden', 'ABMELDEN' ], [ "arr\x{ea}t", "ARR\x{ca}T" ]) {
    hear($_->[0], from => '+4915123456700');
    is $t->get('/sms/inbound')->json->{data}[0]{keyword} // '', $_->[1], 'in other languages';
}

hear('stop it', from => '+4915123456701');
is $t->get('/sms/inbound')->json->{data}[0]{keyword}, undef, 'only a whole message is a keyword';


# keywords of one's own

my $words = 'POST /sms/keywords';
my $one = 'PATCH /sms/keywords/{id}';
my $k = $t->works($t->post('/sms/keywords', { word => 'hours', action => 'custom',
    reply => 'From 9 to 5' }), $words, 201);
is $k->{word}, 'HOURS', 'a keyword';
$t->fails($t->post('/sms/keywords', { word => ' Hours', action => 'stop' }), $words,
    'keyword_taken', '/word');
hear('Hours', from => '+4915123456702');
$t->waits(sub { grep { $_ eq 'From 9 to 5' } boxed() }, 'is answered as it says');
$k = $t->works($t->patch("/sms/keywords/$k->{id}", { reply => 'Never' },
    'If-Match' => qq("v$k->{version}")), $one, 200);
is $k->{reply}, 'Never';
$t->fails($t->patch("/sms/keywords/$k->{id}", { reply => 'x' }, 'If-Match' => '"v1"'), $one,
    'precondition_failed');
$t->works($t->get('/sms/keywords'), 'GET /sms/keywords', 200);
$t->works($t->get("/sms/keywords/$k->{id}"), 'GET /sms/keywords/{id}', 200);
$t->fails($t->get("/sms/keywords/$Pando::Routes::NOBODY"), 'GET /sms/keywords/{id}', 'not_found');
$t->fails($t->delete("/sms/keywords/$k->{id}", 'If-Match' => '"v1"'),
    'DELETE /sms/keywords/{id}', 'precondition_failed');
$t->works($t->delete("/sms/keywords/$k->{id}"), 'DELETE /sms/keywords/{id}', 204);


# Twilio's form

my $tw = $t->post('/sms/providers', { name => 'tw', kind => 'twilio', config => {
    account_sid => 'AC1', auth_token => 'token', from => $us } })->json;
my $url = "https://api.example.com/api/v1/sms/inbound/$tw->{id}";
my %form = (MessageSid => 'SM9', From => '+4915123456703', To => $us, Body => 'by form & so');
my $sign = encode_base64(hmac_sha1(join('', $url, map { $_, $form{$_} } sort keys %form),
    'token'), '');
my $body = join '&', map { my $v = $form{$_}; $v =~ s/([^A-Za-z0-9 ])/sprintf '%%%02X', ord $1/ge;
    "$_=" . $v =~ s/ /+/gr } keys %form;
is $p->post("/api/v1/sms/inbound/$tw->{id}", $body, 'Content-Type' =>
    'application/x-www-form-urlencoded', 'X-Twilio-Signature' => $sign)->{status}, 204, 'Twilio';
is $t->get('/sms/inbound')->json->{data}[0]{body}, 'by form & so', 'is understood';
is $p->post("/api/v1/sms/inbound/$tw->{id}", "$body&More=1", 'X-Twilio-Signature' => $sign)
    ->{status}, 401, 'and nobody else';
is $p->post("/api/v1/sms/inbound/$tw->{id}", "Body=%ff", 'X-Twilio-Signature' =>
    encode_base64(hmac_sha1("${url}Body\xff", 'token'), ''))->{status}, 422,
    'no text is no message';

$t->post('/sms/routes', { lane => 'transactional', provider_id => $box->{id}, prefix => '7' });
$t->fails($t->post("$path/reply", { body => 'x' }), $reply, 'no_route', '/to');
$t->all_provoked('sms_inbound.c', 'sms_threads.c');
unlike $p->log . $p->log('access.log'), qr/23456789|hush/, 'no number is in a log';

$p->sql("update sms.inbound set at = now() - interval '14 months'");
$p->sql('select sms.forget_inbound(1000)');
is $t->count('inbound'), 0, 'after 13 months they are forgotten';

done_testing;
