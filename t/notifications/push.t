# Pushes: captured, and to servers of Web Push, Google's and Apple's, which
# answer as a test says; retried, given up, and never to who has signed out.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use MIME::Base64 qw(encode_base64 decode_base64);
use Pando;
use Pando::Elsewhere;
use Told;

my $answer = \&Pando::Elsewhere::answer;
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my $path = $rq->{path};
    my ($status, %more) = split /[,=]/, $path =~ m{^/(\d{3}.*)} ? $1 : 201;

    if ($path eq '/token') {
        return $s->print($answer->(200, '{"access_token":"ya29.x","expires_in":3599}'));
    }

    if ($path =~ m{/messages:send$}) {
        return $s->print($rq->{body} =~ /"token":"dead/
            ? $answer->(404, '{"error":{"details":[{"errorCode":"UNREGISTERED"}]}}')
            : $answer->(200, '{"name":"projects/shop/messages/1"}'));
    }

    if ($path =~ m{^/3/device/(\w+)}) {
        return $s->print($1 eq 'gonegone' ? $answer->(410, '{"reason":"Unregistered"}')
            : $1 eq 'badbadbad' ? $answer->(400, '{"reason":"BadDeviceToken"}')
            : $answer->(200, '', 'apns-id' => 'x'));
    }

    $s->print($answer->($status, '', %more));
});
my $at = 'http://127.0.0.1:' . $web->port;
my ($pem, $ec) = map { scalar qx{openssl genpkey $_ 2>/dev/null} }
    '-algorithm RSA -pkeyopt rsa_keygen_bits:2048',
    '-algorithm EC -pkeyopt ec_paramgen_curve:P-256';
my $live = qq(pando_set notifications.push live;
    pando_set notifications.fcm_url $at; pando_set notifications.fcm_token_url $at/token;
    pando_set notifications.fcm_project shop; pando_set notifications.fcm_email a\@shop.test;
    pando_set notifications.fcm_key "$pem"; pando_set notifications.apns_url $at;
    pando_set notifications.apns_sandbox_url $at; pando_set notifications.apns_team TEAM123456;
    pando_set notifications.apns_key_id KEY1234567; pando_set notifications.apns_key "$ec";);
my $t = Told->new(workers => 2, to => [$web], http => $live);
my $p = $t->{p};
my $to = sub { my ($path) = @_; [ grep { $_->{path} eq $path } $web->requests ] };
my %text = (content => { title => 'Hello', body => 'World' });
my $b64 = sub { decode_base64($_[0] =~ tr{-_}{+/}r) };

sub state_of { my ($sent) = @_; return join ', ', grep { /^push/ } $t->fates($sent) }


# Web Push

my $key = $t->works($t->public('/device-tokens/vapid-key'), 'GET /device-tokens/vapid-key',
    200)->{key};
is length $b64->($key), 65, 'a key to subscribe with';
is $t->public('/device-tokens/vapid-key')->json->{key}, $key, 'that stays';

my $ann = $t->user;
my $device = $t->device($ann, web => $web, at => '/ann');
my $sent = $t->send(%text, to => { users => [ $ann->{id} ] }, group_key => 'g', ttl_s => 600);
$t->waits(sub { state_of($sent) eq 'push sent' }, 'a push is sent') or diag state_of($sent);
my ($rq) = @{ $to->('/ann') };
my $head = $rq->{headers};
is $head->{'content-encoding'}, 'aes128gcm', 'encrypted';
ok $head->{ttl} > 500 && $head->{ttl} <= 600, 'for as long as it is good' or diag $head->{ttl};
is $head->{urgency}, 'normal';
like $head->{topic}, qr/^[\w-]{32}$/, 'of a topic, since it has a group';
my ($jwt, $k) = $head->{authorization} =~ /^vapid t=(\S+), k=(\S+)$/;
is $k, $key, 'by who this is';
my ($h, $c, $sig) = split /\./, $jwt;
my $claims = decode_json($b64->($c));
is $claims->{aud}, $at, 'for that server';
ok $claims->{exp} > time && $claims->{exp} < time + 86400, 'for less than a day';
ok verified("$h.$c", $b64->($sig), $b64->($key)), 'and signed';

sub verified
{
    my ($text, $raw, $point) = @_;
    my $spki = pack('H*', '3059301306072a8648ce3d020106082a8648ce3d030107034200') . $point;
    my $int = sub { my ($n) = @_; $n =~ s/^\0+//; $n = "\0$n" if ord($n) & 0x80;
                    pack('C C', 2, length $n) . $n };
    my $der = join '', map { $int->($_) } unpack 'a32 a32', $raw;
    my $pub = $p->write('pub.pem', "-----BEGIN PUBLIC KEY-----\n" . encode_base64($spki)
        . "-----END PUBLIC KEY-----\n");
    my $file = $p->write('sig', pack('C C', 0x30, length $der) . $der);
    my $in = $p->write('text', $text);
    return qx{openssl dgst -sha256 -verify $pub -signature $file $in} =~ /Verified OK/;
}


# what a server says: a failure that is over, one that stays, and one for good

my $bob = $t->user;
$t->device($bob, web => $web, at => '/500');
$sent = $t->send(%text, to => { users => [ $bob->{id} ] });
my $row = sub { my ($sent, @c) = @_; return ($p->sql("select @{[ join ', ', @c ]} from
    notifications.deliveries where request_id = ? and channel = 'push'", $sent->{id}))[0] };
$t->waits(sub { ($row->($sent, 'attempts', 'error_code')->[1] // '') eq 'provider_error' },
    'a 500 is tried again');
my ($in, $n) = @{ $row->($sent, 'extract(epoch from next_at - clock_timestamp())', 'attempts') };
ok $in <= 36, 'in half a minute, more or less' or diag "$in $n";
is_deeply [ map { ($p->sql("select extract(epoch from notifications.pause($_))::float"))[0][0] }
    '1, 0', '1, 1', '2, 0.5', '6, 0.5' ], [ 24, 36, 60, 960 ], 'then twice as long each time';
$p->sql("update notifications.deliveries set next_at = clock_timestamp(), attempts = 5
         where request_id = ? and channel = 'push'", $sent->{id});
$p->sql('select notifications.wake(?, ?, 1)', $Pando::Token::TENANT, 'transactional');
$t->waits(sub { state_of($sent) eq 'push failed provider' }, 'and not after six times');
is scalar(() = $p->sql("select 1 from pando.outbox where type = 'notification.failed'")), 1,
    'which is told';

$t->device($t->{carl} = $t->user, web => $web, at => '/429,Retry-After=600');
$sent = $t->send(%text, to => { users => [ $t->{carl}{id} ] });
$t->waits(sub { ($row->($sent, 'error_code')->[0] // '') eq 'rate_limited' }, 'a 429');
($in) = @{ $row->($sent, 'extract(epoch from next_at - clock_timestamp())') };
ok $in > 500 && $in <= 600, 'not before it says' or diag $in;
$sent = $t->send(%text, to => { users => [ $t->{carl}{id} ] }, ttl_s => 60);
$t->waits(sub { state_of($sent) eq 'push expired ttl' }, 'nor when it is over by then');

for my $status (404, 410) {
    my $u = $t->user;
    my $d = $t->device($u, web => $web, at => "/$status");
    my @sent = map { $t->send(%text, to => { users => [ $u->{id} ] }) } 1 .. 3;
    $t->waits(sub { state_of($sent[0]) =~ /failed/ }, "$status: it has failed");
    $t->waits(sub { !grep { state_of($_) =~ /queued/ } @sent }, 'and so have the others');
    is $t->as($u, '/device-tokens')->{data}[0]{disabled_reason}, 'unregistered', 'it is disabled';
    is scalar(() = $p->sql("select 1 from pando.outbox where type = 'device_token.disabled'
        and subject = ?", $d->{id})), 1, 'which is told once';
    is state_of($t->send(%text, to => { users => [ $u->{id} ] })), 'push skipped no_target',
        'and it is a target no more';
}

my $dora = $t->user;
$t->device($dora, web => $web, at => '/400');
for (1 .. 3) {
    my $s = $t->send(%text, to => { users => [ $dora->{id} ] });
    $t->waits(sub { state_of($s) eq 'push failed provider' }, "a permanent failure: $_");
}
is $t->as($dora, '/device-tokens')->{data}[0]{disabled_reason}, 'failures', 'three are enough';


# one device, two who sign in

my $eve = $t->user;
is $t->device($eve, web => $web, at => '/ann')->{id}, $device->{id}, 'the same device';
$web->forget;
$sent = $t->send(%text, to => { users => [ $ann->{id}, $eve->{id} ] });
$t->waits(sub { state_of($sent) eq 'push skipped no_target, push sent' },
    'it is the last one who is reached') or diag join '|', $t->fates($sent);
is scalar @{ $to->('/ann') }, 1, 'once';


# consent that is taken back between plan and send

$t->post('/notification-categories', { key => 'news', title => 'News', class => 'marketing' });
$t->put('/notification-preferences/contact', { marketing => JSON::PP::true },
        token => $eve->{token});
$t->put('/notification-preferences/schedule', { dnd_until => '2099-01-01T00:00:00Z' },
        token => $eve->{token});
$sent = $t->send(%text, category => 'news', to => { users => [ $eve->{id} ] });
is state_of($sent), 'push planned quiet', 'planned for later';
$t->put('/notification-preferences/contact', { marketing => JSON::PP::false },
        token => $eve->{token});
$p->sql("update notifications.deliveries set next_at = clock_timestamp()
         where request_id = ? and channel = 'push'", $sent->{id});
$p->sql('select notifications.sweep(100)');
$p->sql('select notifications.wake(?, ?, 1)', $Pando::Token::TENANT, 'marketing');
$t->waits(sub { state_of($sent) eq 'push skipped no_consent' }, 'and not sent without consent');


# Google and Apple

my $fred = $t->user;
my %fred = (to => { users => [ $fred->{id} ] });
$t->device($fred, platform => 'fcm', token => 'good-token');
$t->device($fred, platform => 'apns', token => 'abcdef01', app_id => 'com.example.shop');
$web->forget;
$sent = $t->send(%text, %fred);
$t->waits(sub { state_of($sent) eq 'push sent, push sent' }, 'by both') or diag state_of($sent);
my ($fcm) = @{ $to->('/v1/projects/shop/messages:send') };
is $fcm->{headers}{authorization}, 'Bearer ya29.x', 'signed in with Google';
my $m = decode_json($fcm->{body})->{message};
is_deeply [ $m->{token}, $m->{notification} ],
    [ 'good-token', { title => 'Hello', body => 'World' } ], 'with the texts';
my ($apns) = @{ $to->('/3/device/abcdef01') };
is $apns->{headers}{'apns-topic'}, 'com.example.shop';
is_deeply decode_json($apns->{body})->{aps}{alert}, { title => 'Hello', body => 'World' };
like $apns->{headers}{authorization}, qr/^bearer \S+\.\S+\.\S+$/, 'signed for Apple';
$sent = $t->send(%text, %fred);
$t->waits(sub { state_of($sent) eq 'push sent, push sent' }, 'again');
is scalar @{ $to->('/token') }, 1, 'the token of Google is kept';
my %auth = map { $_->{headers}{authorization} => 1 } @{ $to->('/3/device/abcdef01') };
is scalar keys %auth, 1, 'and that for Apple';

for ([ fcm => 'dead-token' ], [ apns => 'gonegone' ], [ apns => 'badbadbad' ]) {
    my ($platform, $token) = @$_;
    my $u = $t->user;
    $t->device($u, platform => $platform, token => $token, app_id => 'com.example.shop');
    my $s = $t->send(%text, to => { users => [ $u->{id} ] });
    $t->waits(sub { state_of($s) eq 'push failed provider' }, "$platform: $token")
        or diag state_of($s);
    ok $t->as($u, '/device-tokens')->{data}[0]{disabled_reason}, 'is disabled';
}

unlike $p->log . $p->log('access.log'), qr/good-token|PRIVATE KEY/, 'no secret is in a log';
unlike join('', map { @$_ } $p->sql('select token_ct from notifications.device_tokens')),
    qr/127\.0\.0\.1|token/, 'tokens are kept encrypted';

done_testing;
