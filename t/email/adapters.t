# SendGrid and Amazon SES, as they speak: what is sent to them, what they say
# to it, and what they tell of it later, in any order, and more than once.

use FindBin;
use lib $FindBin::Bin;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);
use File::Temp qw(tempdir);
use JSON::PP;
use Mails;
use MIME::Base64;
use Pando;
use Pando::Elsewhere;

my $answer = \&Pando::Elsewhere::answer;
my $dir = tempdir(CLEANUP => 1);
my $topic = 'arn:aws:sns:eu-west-1:1:mail';

sub run { system("$_[0] 2>>$dir/log") == 0 or die "$_[0]\n" }
sub slurp { open my $in, '<', $_[0] or return ''; local $/; return <$in> }
sub spew { open my $out, '>', $_[0] or die; print $out $_[1]; close $out }

run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$_.amazonaws.com"
    . " -keyout $dir/$_.key -out $dir/$_.pem") for qw(sns other);
run("openssl ecparam -name prime256v1 -genkey -noout -out $dir/$_.ec") for qw(grid wrong);
run("openssl ec -in $dir/grid.ec -pubout -outform DER -out $dir/grid.pub");
my $events_key = encode_base64(slurp("$dir/grid.pub"), '');

# What is asked with: odd recipients get odd answers.
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my $json = 'application/json';

    if ($rq->{path} =~ m{^/aws/([\w-]+\.pem)$}) {
        $s->print(-e "$dir/$1" ? $answer->(200, slurp("$dir/$1")) : $answer->(404, ''));
    } elsif ($rq->{path} =~ m{^/aws/}) {
        $s->print($answer->(200, '<ConfirmSubscriptionResponse/>'));
    } elsif ($rq->{path} eq '/v3/scopes' || $rq->{path} eq '/v2/email/account') {
        my $in = $rq->{headers}{authorization} =~ /^(?:Bearer SG\.key|AWS4-HMAC-SHA256 )/;
        $s->print($answer->($in ? 200 : 401, '{}', 'Content-Type' => $json));
    } elsif ($rq->{body} =~ /busy\@/ && !-e "$dir/busy") {
        spew("$dir/busy", '');
        $s->print($answer->(429, '{"errors":[{"message":"too many requests"}]}',
            'Content-Type' => $json, 'Retry-After' => 30));
    } elsif ($rq->{body} =~ /cut\@/) {
        return 'close';
    } elsif ($rq->{body} =~ /bad\@/) {
        $s->print($answer->(400, $rq->{path} =~ /v3/
            ? '{"errors":[{"message":"Does not contain a valid address.","field":"x"}]}'
            : '{"message":"Address blacklisted"}', 'Content-Type' => $json,
            $rq->{path} =~ /v3/ ? () : ('x-amzn-errortype' => 'MessageRejected')));
    } elsif ($rq->{body} =~ /stop\@/) {
        $s->print($answer->(400, '{"message":"paused"}', 'Content-Type' => $json,
            'x-amzn-errortype' => 'SendingPausedException'));
    } elsif ($rq->{path} eq '/v3/mail/send') {
        $s->print($answer->(202, '', 'X-Message-Id' => 'grid-1'));
    } else {
        $s->print($answer->(200, '{"MessageId":"ses-1"}', 'Content-Type' => $json));
    }
});
my $home = 'http://127.0.0.1:' . $web->port;
my $t = Mails->new(workers => 2, to => [$web], http => "pando_set email.require_domain off;
    pando_set email.timeout_seconds 5; pando_set email.public_url https://m.pando.test;
    pando_outbound_upstream sns unix:DIR/sns.sock:/;
    server { listen unix:DIR/sns.sock; location / { proxy_pass $home/aws/; } }");
my $p = $t->{p};
my $post = 'POST /email/providers';

sub provider
{
    my ($kind, %in) = @_;
    return $t->works($t->post('/email/providers', { name => $kind, kind => $kind,
        base_url => $home, %in }), $post, 201);
}

sub only
{
    my ($of) = @_;
    $p->sql('update email.providers set enabled = id = ?, blocked_until = null, failures = 0',
            $of->{id});
}

sub asked { my ($path) = @_; return grep { $_->{path} eq $path } $web->requests }


# what they need

for (['/secret', kind => 'sendgrid'], ['/user', kind => 'ses', secret => 's'],
     ['/region', kind => 'ses', secret => 's', user => 'u'])
{
    my ($pointer, @in) = @$_;
    is $t->post('/email/providers', { name => 'x', @in })->json->{errors}[0]{pointer}, $pointer,
        "$pointer is needed";
}

for ('x', encode_base64('no key', ''), encode_base64(slurp("$dir/sns.pem"), '')
     =~ s/^(.{300}).*/$1/sr)
{
    is $t->post('/email/providers', { name => 'x', kind => 'sendgrid', secret => 's',
        events_key => $_ })->json->{code}, 'events_key_invalid', 'no key';
}

is $t->post('/email/providers', { name => 'x', kind => 'sendgrid', secret => 's',
    base_url => 'http://10.0.0.1/' })->json->{code}, 'url_not_allowed', 'not within';


# SendGrid: what it is told

my $grid = provider('sendgrid', secret => 'SG.key', events_key => $events_key);
is $grid->{events_key}, $events_key;
is $t->post("/email/providers/$grid->{id}/test")->json->{good}, JSON::PP::true, 'it lets us in';
my $m = $t->mail(to => 'ada@x.test', to_name => 'Ada', cc => ['cc@x.test'], bcc => ['bcc@x.test'],
    from => 'us@pando.test', from_name => 'Us', reply_to => 're@pando.test', html => '<p>hi</p>',
    headers => { 'X-Order' => '7' }, lane => 'bulk');
$t->gets($m, 'sent', 'SendGrid takes a message');
my $row = $t->row($m);
is "$row->{provider} $row->{provider_ref}", 'sendgrid grid-1', 'and has a name for it';
my ($in) = map { decode_json($_->{body}) } grep { $_->{body} ne 'long' } asked('/v3/mail/send');
my $unsubscribe = delete $in->{headers}{'List-Unsubscribe'};
like $unsubscribe, qr{^<https://m\.pando\.test/e/u/[\w-]+>$};
is_deeply $in, { personalizations => [ { to => [ { email => 'ada@x.test', name => 'Ada' } ],
        cc => [ { email => 'cc@x.test' } ], bcc => [ { email => 'bcc@x.test' } ] } ],
    from => { email => 'us@pando.test', name => 'Us' }, reply_to => { email => 're@pando.test' },
    subject => 'hi', content => [ { type => 'text/plain', value => "hello\n" },
        { type => 'text/html', value => '<p>hi</p>' } ],
    headers => { 'Message-ID' => "<$m->{id}\@pando.test>", 'X-Order' => '7',
        'List-Unsubscribe-Post' => 'List-Unsubscribe=One-Click' },
    custom_args => { pando => $m->{id} }, tracking_settings => { map { $_ => { enable =>
        JSON::PP::false } } qw(click_tracking open_tracking subscription_tracking) } },
    'as its v3 has it' or diag explain $in;
is +(asked('/v3/mail/send'))[0]{headers}{authorization}, 'Bearer SG.key';


# and what it answers

my $bad = $t->mail(to => 'bad@x.test');
$t->gets($bad, 'failed', 'a refusal is an end');
like $t->row($bad)->{events}[0]{diagnostic}, qr/^400 .*valid address/, 'that says why';
my $busy = $t->mail(to => 'busy@x.test');
$t->gets($busy, 'deferred', 'too many: later');
ok +($p->sql("select next_at - clock_timestamp() between interval '5 s' and interval '31 s'
    from email.messages where id = ?", $busy->{id}))[0][0], 'when it says so';
is $t->get("/email/providers/$grid->{id}")->json->{failures}, 1, 'which counts against it';
only($grid);
$t->due;
$t->gets($busy, 'sent', 'then it is taken');
my $cut = $t->mail(to => 'cut@x.test', lane => 'bulk');
$t->gets($cut, 'uncertain', 'an answer that got lost is uncertain');
is scalar(grep { $_->{body} =~ /cut\@/ } asked('/v3/mail/send')), 1, 'and not asked twice';


# what it tells

my $at = "/api/v1/email/events/$grid->{id}";
my $take = 'POST /email/events/{id}';
my $n = 0;

sub grid
{
    my ($events, %set) = @_;
    my $body = ref $events ? encode_json($events) : $events;
    my $time = $set{time} // '1790000000';
    spew("$dir/text", "$time$body");
    run("openssl dgst -sha256 -sign $dir/" . ($set{key} // 'grid') . ".ec -out $dir/sig $dir/text");
    my %sent = ('Content-Type' => 'application/json',
        'X-Twilio-Email-Event-Webhook-Signature' => encode_base64(slurp("$dir/sig"), ''),
        'X-Twilio-Email-Event-Webhook-Timestamp' => $set{sent} // $time, %{ $set{with} // {} });
    return $p->post($at, $set{body} // $body, map { $_ => $sent{$_} } grep { defined $sent{$_} }
                    keys %sent);
}

sub event
{
    my ($of, $event, %in) = @_;
    return { email => 'x', timestamp => 1, event => $event, sg_event_id => 'e' . ++$n,
             sg_message_id => 'grid-1.x', pando => $of->{id}, %in };
}

sub did { my ($r) = @_;
    return join ' ', @{ $t->works($r, $take, 202)->{outcomes} } }

my $delivered = event($m, 'delivered', response => '250 OK');
for (['another key', key => 'wrong'], ['another time', sent => '1790000001'],
     ['another body', body => '[]'],
     (map { ["no $_", with => { "X-Twilio-Email-Event-Webhook-$_" => undef }] }
        qw(Signature Timestamp)),
     ['no signature at all', with => { 'X-Twilio-Email-Event-Webhook-Signature' => 'AAAA' }])
{
    my ($name, %set) = @$_;
    $t->fails(grid([$delivered], %set), $take, 'bad_signature', undef, $name);
}

is $t->state($m), 'sent', 'what is forged changes nothing';
is did(grid([ event($m, 'processed'), event($m, 'deferred', response => '451 later'), $delivered,
              event($m, 'open'), event($m, 'click') ])),
    'ignored delayed delivered ignored ignored';
is $t->state($m), 'delivered', 'delivered';
is did(grid([$delivered])), 'known', 'twice is once';
my $bounce = event($m, 'bounce', status => '5.1.1', reason => '550 5.1.1 nobody', type => 'bounce');
is did(grid([$bounce])), 'hard', 'a bounce that comes later';
is $t->state($m), 'bounced', 'ends it';
is did(grid([ $bounce, event($m, 'delivered'), event($m, 'bounce', status => '5.1.1') ])),
    'known delivered known', 'what comes late or again';
is $t->state($m), 'bounced', 'changes nothing';
is $t->kinds($m), 'accepted deferred delivered bounced', 'and is not noted twice';
is $t->post('/email/messages', { to => 'ada@x.test', subject => 's', text => 't' })
    ->json->{reason}, 'hard_bounce', 'who is not there gets no more';

my @m = map { my $m = $t->mail(to => "m$_\@x.test"); $t->gets($m, 'sent'); $m } 1 .. 5;
is did(grid([ event($m[0], 'bounce', status => '5.7.1', type => 'blocked', reason => 'spam'),
    event($m[1], 'bounce', status => '4.2.2', reason => 'full'),
    event($m[2], 'dropped', reason => 'Bounced Address'),
    event($m[3], 'spamreport'), event($m[4], 'group_unsubscribe') ])),
    'block soft hard marketing unsubscribed', 'each as it is';
is join(' ', map { $t->state($_) } @m), 'bounced bounced bounced sent sent';
is did(grid([ { %$delivered, sg_event_id => 'x1', pando => $Pando::Routes::NOBODY },
    { event => 'delivered' }, { event => 'delivered', pando => 'x', sg_event_id => 'x2' }, 7 ])),
    'dropped ignored ignored ignored', 'what is of no message of ours';
$t->fails(grid('{}'), $take, 'notice_malformed');
$t->fails(grid('no JSON'), $take, 'notice_malformed');
my $early = $t->mail(to => 'early@x.test', send_at => '2096-01-01T00:00:00Z');
$p->sql("update email.messages set state = 'sending', attempts = 1, provider_id = ?,
    provider = 'sendgrid' where id = ?", $grid->{id}, $early->{id});
is did(grid([ event($early, 'delivered') ])), 'delivered', 'before we know that it was sent';
is +($p->sql("select email.record(?, ?, 1, 'sent', 202, null, null, null, null, 'r', null)",
    $Pando::Token::TENANT, $early->{id}))[0][0], 1, 'which we learn later';
is $t->state($early), 'delivered', 'it stays delivered';
is $t->row($early)->{provider_ref}, 'r';
is +($p->sql("select count(*) from pando.outbox where type = 'email.sent' and subject = ?",
    $early->{id}))[0][0], 1, 'and that it was sent is told';


# SES: what it is told

my $ses = provider('ses', user => 'AKID', secret => 'wJalrXUtnFEMI', region => 'eu-west-1',
    topic_arn => $topic, configuration_set => 'all');
only($ses);
is $t->post("/email/providers/$ses->{id}/test")->json->{code}, 200, 'SES lets us in';
$m = $t->mail(to => 'bob@x.test', cc => ['cc@x.test'], bcc => ['b1@x.test', 'b2@x.test'],
              from => 'us@pando.test');
$t->gets($m, 'sent', 'SES takes a message');
is $t->row($m)->{provider_ref}, 'ses-1';
my ($rq) = asked('/v2/email/outbound-emails');
$in = decode_json($rq->{body});
my $raw = decode_base64(delete $in->{Content}{Raw}{Data});
like $raw, qr/^From: us\@pando\.test\r$/m, 'as it is';
unlike $raw, qr/b1\@|DKIM-Signature/, 'without those who are hidden, and not signed by us';
is_deeply $in, { FromEmailAddress => 'us@pando.test', Content => { Raw => {} },
    Destination => { ToAddresses => ['bob@x.test'], CcAddresses => ['cc@x.test'],
        BccAddresses => [ 'b1@x.test', 'b2@x.test' ] },
    EmailTags => [ { Name => 'pando', Value => $m->{id} } ], ConfigurationSetName => 'all' },
    'as its v2 has it' or diag explain $in;
my ($scope, $signed, $sig) = $rq->{headers}{authorization}
    =~ m{^AWS4-HMAC-SHA256 Credential=AKID/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$};
my $time = $rq->{headers}{'x-amz-date'};
like $scope, qr{^\d{8}/eu-west-1/ses/aws4_request$};
my $what = join "\n", 'POST', '/v2/email/outbound-emails', '',
    (map { "$_:$rq->{headers}{$_}" } split /;/, $signed), '', $signed, sha256_hex($rq->{body});
my $key = 'AWS4wJalrXUtnFEMI';
$key = hmac_sha256($_, $key) for split m{/}, $scope;
is $sig, hmac_sha256_hex("AWS4-HMAC-SHA256\n$time\n$scope\n" . sha256_hex($what), $key),
    'signed as Amazon reckons it';
$bad = $t->mail(to => 'bad@x.test');
$t->gets($bad, 'failed', 'a refusal is an end');
my $stop = $t->mail(to => 'stop@x.test');
$t->gets($stop, 'deferred', 'an account that is paused is not the fault of the mail');


# and what it tells

$at = "/api/v1/email/events/$ses->{id}";

sub notice
{
    my ($said, %set) = @_;
    my $key = delete $set{key} // 'sns';
    my $change = delete $set{change} // {};
    my %n = (Type => 'Notification', MessageId => 'n', TopicArn => $topic,
        Timestamp => '2026-11-21T00:00:00.000Z', SignatureVersion => '2',
        SigningCertURL => 'https://sns.eu-west-1.amazonaws.com/sns.pem',
        Message => ref $said ? JSON::PP->new->canonical->encode($said) : $said, %set);
    my @names = $n{Type} eq 'Notification'
        ? qw(Message MessageId Subject Timestamp TopicArn Type)
        : qw(Message MessageId SubscribeURL Timestamp Token TopicArn Type);

    spew("$dir/text", join '', map { defined $n{$_} ? "$_\n$n{$_}\n" : () } @names);
    my $hash = $n{SignatureVersion} eq '1' ? 'sha1' : 'sha256';
    run("openssl dgst -$hash -sign $dir/$key.key -out $dir/sig $dir/text");
    $n{Signature} = encode_base64(slurp("$dir/sig"), '');
    return $p->post($at, encode_json({ %n, %$change }),
                    'Content-Type' => 'text/plain; charset=UTF-8');
}

sub said { my ($of, $type, %in) = @_;
    return { eventType => $type, mail => { messageId => 'ses-1', tags => { pando =>
        [ $of->{id} ] } }, %in } }

my $ok = said($m, 'Delivery', delivery => { smtpResponse => '250 ok' });
for (['another key', key => 'other'], ['changed', change => { Message => '{}' }],
     ['another topic', TopicArn => "${topic}2"], ['no version',
    change => { SignatureVersion => '3' }],
     ['no signature', change => { Signature => undef }],
     (map { ["a certificate at $_", SigningCertURL => $_] }
        'http://sns.eu-west-1.amazonaws.com/sns.pem', 'https://sns.eu-west-1.example.com/sns.pem',
        'https://sns.eu-west-1.amazonaws.com@example.com/sns.pem'))
{
    my ($name, %set) = @$_;
    my $before = () = grep { $_->{path} =~ m{^/aws/} } $web->requests;
    $t->fails(notice($ok, %set), $take, 'bad_signature', undef, $name);
    is scalar(grep { $_->{path} =~ m{^/aws/} } $web->requests), $before, 'and nobody is asked'
        if $set{TopicArn} || $set{SigningCertURL};
}

my @sub = (Type => 'SubscriptionConfirmation', Token => 'T');
my $url = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=T';
$t->fails(notice('x', @sub, SubscribeURL => 'https://example.com/?x'), $take, 'bad_signature');
is did(notice('x', @sub, SubscribeURL => $url)), '', 'a subscription is taken on';
is scalar(grep { $_->{path} =~ /ConfirmSubscription/ } $web->requests), 1;
my $hard = said($m, 'Bounce', bounce => { bounceType => 'Permanent', bouncedRecipients => [
    { emailAddress => 'bob@x.test', status => '5.1.1', diagnosticCode => 'smtp; 550 5.1.1' } ] });
is did(notice($hard)), 'hard', 'a bounce, first';
is did(notice($ok, SignatureVersion => '1')), 'delivered', 'then a delivery';
is $t->state($m), 'bounced', 'does not undo it';
is did(notice($hard)), 'known', 'twice is once';
@m = map { my $m = $t->mail(to => "s$_\@x.test"); $t->gets($m, 'sent'); $m } 1 .. 4;
is join(' ', map { did(notice($_)) }
    said($m[0], 'DeliveryDelay', deliveryDelay => { delayType => 'MailboxFull' }),
    said($m[0], 'Bounce', bounce => { bounceType => 'Transient', bouncedRecipients => [ {} ] }),
    said($m[1], 'Complaint', complaint => { complaintFeedbackType => 'abuse' }),
    said($m[2], 'Subscription'), said($m[3], 'Reject', reject => { reason => 'Bad content' }),
    said($m[3], 'Open')), 'delayed soft marketing unsubscribed block ignored', 'each as it is';
$t->fails(notice('no JSON'), $take, 'notice_malformed');
my $other = $t->mail(to => 'o@x.test', token => { scope => 'email:admin',
    tid => $Pando::Token::OTHER });
is did(notice(said($other, 'Delivery'))), 'dropped', "another tenant's message is not its own";
$at = "/api/v1/email/events/$Pando::Routes::NOBODY";
$t->fails(notice($ok), $take, 'not_found');
$t->all_provoked('email_notices.c');
unlike $p->log . $p->log('access.log'), qr/SG\.key|wJalr/, 'no secret is in a log';

done_testing;
