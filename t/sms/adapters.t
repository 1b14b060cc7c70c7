# Vonage and Amazon SNS, as they speak: what is sent to them, signed as they
# want it; what they tell, and who else tells it; long texts in parts.

use FindBin;
use lib $FindBin::Bin;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);
use File::Temp qw(tempdir);
use JSON::PP;
use MIME::Base64;
use Pando;
use Pando::Elsewhere;
use Sms;

my $answer = \&Pando::Elsewhere::answer;
my $dir = tempdir(CLEANUP => 1);
my %vonage = (49151 => '0', 49152 => '1', 49157 => '33', 49160 => '4');

for ('sns', 'other') {
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$_.amazonaws.com"
        . " -keyout $dir/$_.key -out $dir/$_.pem 2>$dir/log") == 0 or die 'no certificate';
}

sub slurp { open my $in, '<', $_[0] or return ''; local $/; return <$in> }

# Both of them, and what Amazon has at its host for certificates.
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;

    if ($rq->{path} eq '/sms/json') {
        my ($prefix) = $rq->{body} =~ /\bto=(\d{5})/;
        my $said = $vonage{$prefix};
        $said = '0' if $said eq '1' && -e "$dir/again";
        open my $out, '>', "$dir/again" if $prefix eq '49152';
        $s->print($answer->(200, encode_json({ 'message-count' => '1', messages => [ {
            to => 'x', 'message-id' => "V-$prefix", status => $said,
            $said ? ('error-text' => 'no') : ('message-price' => '0.0333') } ] }),
            'Content-Type' => 'application/json'));
    } elsif ($rq->{path} =~ m{^/aws/([\w-]+\.pem)$}) {
        $s->print(-e "$dir/$1" ? $answer->(200, slurp("$dir/$1")) : $answer->(404, ''));
    } elsif ($rq->{path} =~ m{^/aws/\?Action=ConfirmSubscription}) {
        $s->print($answer->(200, '<ConfirmSubscriptionResponse/>'));
    } elsif ($rq->{body} =~ /PhoneNumber=%2B49163/) {
        $s->print($answer->(400, '<ErrorResponse><Error><Type>Sender</Type>'
            . '<Code>InvalidParameter</Code></Error></ErrorResponse>'));
    } else {
        $s->print($answer->(200, '<PublishResponse><PublishResult>'
            . '<MessageId>aws-1</MessageId></PublishResult></PublishResponse>'));
    }
});
my $home = 'http://127.0.0.1:' . $web->port;
my $us = '+12015550100';
my $t = Sms->new(workers => 1, to => [$web], set => { captured => 'accepted', rates => 'USD=0.5',
    public_url => 'https://api.example.com', currency => 'EUR' },
    http => "pando_outbound_upstream sns unix:DIR/sns.sock:/;
             server { listen unix:DIR/sns.sock;
                      location / { proxy_pass $home/aws/; } }");
my $p = $t->{p};

sub form
{
    return { map { s/\+/ /gr =~ s/%(..)/chr hex $1/ger } map { split /=/, $_, 2 }
             split /&/, $_[0] };
}

sub provider
{
    my ($kind, $prefixes, %config) = @_;
    my $made = $t->post('/sms/providers', { name => $kind, kind => $kind, base_url => $home,
        per_second => 1000, currency => 'USD', config => \%config })->json;
    $t->post('/sms/routes', { prefix => $_, lane => 'transactional', provider_id => $made->{id} })
        for @$prefixes;
    return $made;
}

sub to { my ($what) = @_; return map { form($_->{body}) } grep { $_->{path} eq $what
    && $_->{method} eq 'POST' } $web->requests }


# Vonage

my $all = 'POST /sms/providers';
$t->fails($t->post('/sms/providers', { name => 'v', kind => 'vonage', config => { api_key => 'k',
    api_secret => 's', from => 'x' } }), $all, 'config_incomplete', '/config/signature_secret');
my $vo = provider('vonage', [ keys %vonage ], api_key => 'k', api_secret => 's', from => 'Grove',
    signature_secret => 'hush');
my $m = $t->sent(to => '+4915123456789', body => "a&b \x{416}");
$t->ends($m, 'accepted', 'Vonage takes a message');
my $at = "/api/v1/sms/events/$vo->{id}";
my ($in) = to('/sms/json');
is delete $in->{text}, "a&b \xd0\x96", 'its text';
is_deeply $in, { api_key => 'k', api_secret => 's', to => '4915123456789', from => 'Grove',
    type => 'unicode', 'client-ref' => $m->{id},
    callback => "https://api.example.com$at?m=$m->{id}" }, 'and the rest of the form';

sub vonage
{
    my ($path, $form, %opt) = @_;
    my $text = join '', map { my $v = $form->{$_} =~ s/[&=]/_/gr; "&$_=$v" } sort keys %$form;
    my %all = (%$form, sig => $opt{sig} // uc hmac_sha256_hex($text, 'hush'));
    delete $all{sig} if exists $opt{sig} && !defined $opt{sig};
    return $p->post($path, encode_json(\%all), 'Content-Type' => 'application/json')
        if $opt{json};
    return $p->post($path, join('&', map { my $v = $all{$_};
        "$_=" . $v =~ s/([^A-Za-z0-9 ])/sprintf '%%%02X', ord $1/ger =~ s/ /+/gr } keys %all));
}

my %report = (messageId => 'V-49151', msisdn => '4915123456789', status => 'failed',
    'err-code' => '6', 'api-key' => 'k', timestamp => '1', scts => 'a=b&c');
for ([ sig => undef ], [ sig => 'x' x 64 ], [ sig => '' ], [ sig => uc hmac_sha256_hex('', '') ]) {
    $t->fails(vonage($at, \%report, @$_), 'POST /sms/events/{id}', 'bad_signature');
}
is $t->state($m), 'accepted', 'what is not signed changes nothing';
$t->works(vonage($at, \%report), 'POST /sms/events/{id}', 204);
is "@{ $t->message($m) }{qw(state reason)}", 'undelivered spam_filter', 'a report, as a form';
$t->works(vonage("$at?m=$m->{id}", { %report, status => 'delivered', 'err-code' => '0' },
    json => 1), 'POST /sms/events/{id}', 204);
is $t->state($m), 'delivered', 'and as JSON';
$t->fails(vonage($at, { status => 'failed' }), 'POST /sms/events/{id}', 'report_malformed');
$t->fails(vonage($at, { %report, messageId => 'none' }), 'POST /sms/events/{id}',
    'unknown_message');
is $p->post($at, '{"a":[1]}')->{status}, 401, 'no report at all';
$m = $t->sent(to => '+4915223456789');
$t->ends($m, 'accepted', 'one that is throttled comes again');
is $t->message($m)->{attempts}, 1, 'which is no attempt';
$m = $t->sent(to => '+4915723456789');
$t->ends($m, 'failed', 'one that is refused has failed');
is $t->message($m)->{reason}, 'unknown_subscriber';
$m = $t->sent(to => '+4916023456789');
$t->waits(sub { $t->state($m) eq 'retry' }, 'wrong credentials are the provider\'s fault');


# Vonage: texts that come in, whole and in parts

$at = "/api/v1/sms/inbound/$vo->{id}";
my $n = 0;
sub hear
{
    my ($text, %more) = @_;
    return vonage($at, { msisdn => '4915123456789', to => $us, messageId => 'I' . ++$n,
        text => $text, type => 'text', %more });
}
sub heard { return [ map { $_->{body} } @{ $t->get('/sms/inbound')->json->{data} } ] }

$t->works(hear('hello'), 'POST /sms/inbound/{id}', 204);
is_deeply heard(), ['hello'], 'a text comes in';
$t->fails(vonage($at, { text => 'x' }, sig => 'y' x 64), 'POST /sms/inbound/{id}',
    'bad_signature');
my @parts = map { { 'concat' => 'true', 'concat-ref' => '7', 'concat-total' => 3,
    'concat-part' => $_ } } 0 .. 3;
hear('three', %{ $parts[3] });
hear('one ', %{ $parts[1] });
is_deeply heard(), ['hello'], 'of a long one not before all parts are there';
hear('two ', %{ $parts[2] });
is_deeply heard(), [ 'one two three', 'hello' ], 'in their order, however they came';
$n -= 3;
hear('again', %{ $parts[$_] }) for 3, 1, 2;
is scalar @{ heard() }, 2, 'once';
my @r = $p->parallel(map { my $i = $_; my %f = (msisdn => '4915123456789', to => $us,
    messageId => "P$i", text => "p$i ", %{ $parts[$i] });
    my $text = join '', map { "&$_=$f{$_}" } sort keys %f;
    [ 'POST', $at, body => { %f, sig => hmac_sha256_hex($text, 'hush') } ] } 1 .. 3);
is_deeply [ map { $_->{status} } @r ], [ (204) x 3 ], 'all at once';
is heard()->[0], 'p1 p2 p3 ', 'they are one, too';
hear('lonely', %{ $parts[2] });
$p->sql('select sms.hear_late(100)');
is heard()->[0], 'p1 p2 p3 ', 'one whose others do not come';
$p->sql("update sms.inbound_parts set at = now() - interval '61 s'");
$p->sql('select sms.hear_late(100)');
is heard()->[0], 'lonely', 'is heard after a minute';
$p->sql("update sms.inbound_parts set at = now() - interval '3 days'");
$p->sql('select sms.hear_late(100)');
is $t->count('inbound_parts'), 0, 'and forgotten after two days';
$t->fails(hear('x', %{ $parts[1] }, 'concat-total' => 99), 'POST /sms/inbound/{id}',
    'inbound_malformed');


# SNS: what is sent is signed by AWS's fourth version

my $topic = 'arn:aws:sns:eu-west-1:123456789012:sms';
my $sns = provider('sns', [qw(49170 49163)], access_key_id => 'AKIDEXAMPLE',
    secret_access_key => 'wJalrXUtnFEMI', region => 'eu-west-1', topic_arn => $topic);
$m = $t->sent(to => '+4917023456789', body => 'Hi', sender => 'GROVE');
$t->ends($m, 'accepted', 'SNS takes a message');
my ($rq) = grep { $_->{path} eq '/' && $_->{body} =~ /49170/ } $web->requests;
$in = form($rq->{body});
is_deeply [ @$in{qw(Action PhoneNumber Message MessageAttributes.entry.1.Value.StringValue
    MessageAttributes.entry.2.Name MessageAttributes.entry.2.Value.StringValue)} ],
    [ qw(Publish +4917023456789 Hi Transactional AWS.SNS.SMS.SenderID GROVE) ], 'its form';
my ($signed, $sig) = $rq->{headers}{authorization} =~ m{^AWS4-HMAC-SHA256
    \ Credential=AKIDEXAMPLE/\d{8}/eu-west-1/sns/aws4_request,\ ?SignedHeaders=([\w;-]+),
    \ ?Signature=(\w{64})$}x;
ok $signed, 'is signed' or diag $rq->{headers}{authorization};
my $time = $rq->{headers}{'x-amz-date'};
my $scope = substr($time, 0, 8) . '/eu-west-1/sns/aws4_request';
my $what = join "\n", 'POST', '/', '', (map { "$_:$rq->{headers}{$_}" } split /;/, $signed), '',
    $signed, sha256_hex($rq->{body});
my $key = 'AWS4wJalrXUtnFEMI';
$key = hmac_sha256($_, $key) for split m{/}, $scope;
is $sig, hmac_sha256_hex("AWS4-HMAC-SHA256\n$time\n$scope\n" . sha256_hex($what), $key),
    'as Amazon reckons it';
my $bad = $t->sent(to => '+4916323456789');
$t->ends($bad, 'failed', 'a refusal is an end');


# SNS: what it tells, and who else

my %from = (Type => 'Notification', MessageId => 'n-1', TopicArn => $topic,
    Timestamp => '2026-11-21T00:00:00.000Z', SignatureVersion => '2',
    SigningCertURL => 'https://sns.eu-west-1.amazonaws.com/sns.pem');

sub notice
{
    my ($path, $said, %set) = @_;
    my $key = delete $set{key} // 'sns';
    my $change = delete $set{change} // {};
    my %n = (%from, Message => ref $said ? encode_json($said) : $said, %set);
    my @names = $n{Type} eq 'Notification'
        ? qw(Message MessageId Subject Timestamp TopicArn Type)
        : qw(Message MessageId SubscribeURL Timestamp Token TopicArn Type);

    open my $out, '>', "$dir/text" or die;
    print $out map { defined $n{$_} ? "$_\n$n{$_}\n" : () } @names;
    close $out;
    my $hash = $n{SignatureVersion} eq '1' ? 'sha1' : 'sha256';
    system("openssl dgst -$hash -sign $dir/$key.key -out $dir/sig $dir/text") == 0 or die;
    $n{Signature} = encode_base64(slurp("$dir/sig"), '');
    return $p->post("/api/v1/sms/$path/$sns->{id}", encode_json({ %n, %$change }),
        'Content-Type' => 'text/plain; charset=UTF-8');
}

my $events = 'POST /sms/events/{id}';
my %fail = (status => 'FAILURE', notification => { messageId => 'aws-1' },
    delivery => { providerResponse => 'Blocked as spam by phone carrier', priceInUSD => 0.2 });
my $asked = sub { scalar grep { $_->{path} =~ m{^/aws/} } $web->requests };
for ([ 'another key', key => 'other' ],
     [ 'changed afterwards', change => { Message => '{}' } ],
     [ 'no signature', change => { Signature => undef } ],
     [ 'one of no version', change => { SignatureVersion => '3' } ],
     [ 'another topic', TopicArn => "${topic}2" ],
     (map { [ "a certificate at $_", SigningCertURL => $_ ] }
        'http://sns.eu-west-1.amazonaws.com/sns.pem', 'https://sns.eu-west-1.example.com/sns.pem',
        'https://sns.eu-west-1.amazonaws.com.example.com/sns.pem',
        'https://sns.eu-west-1.amazonaws.com@example.com/sns.pem',
        'https://sns.x.example.com/.amazonaws.com/sns.pem',
        'https://sns.eu-west-1.amazonaws.com/../sns.pem',
        'https://sns.eu-west-1.amazonaws.com/sns.pem?x.pem',
        'https://s3.amazonaws.com/sns.pem')) {
    my ($name, %set) = @$_;
    my $before = $asked->();
    $t->fails(notice(events => \%fail, %set), $events, 'bad_signature', undef, $name);
    is $asked->(), $before, 'for which nobody is asked' if $set{SigningCertURL} || $set{TopicArn};
}
is $t->state($m), 'accepted', 'forged ones change nothing';
$t->works(notice(events => \%fail, Subject => 'of a message'), $events, 204);
is "@{ $t->message($m) }{qw(state reason)}", 'undelivered spam_filter', 'a report';
is $t->message($m)->{price}{amount}, 10, 'with what it cost, in our currency';
$t->works(notice(events => { eventType => 'TEXT_SUCCESSFUL', messageStatus => 'SUCCESSFUL',
    messageId => 'aws-1', isFinal => JSON::PP::false }, SignatureVersion => '1'), $events, 204,
    'by the first version of signatures');
is $t->state($m), 'undelivered', 'a step on the way';
$t->works(notice(events => { eventType => 'TEXT_DELIVERED', messageStatus => 'DELIVERED',
    messageId => 'aws-1', isFinal => JSON::PP::true }), $events, 204);
is $t->state($m), 'delivered', 'an event of the newer kind';
is scalar(grep { $_->{path} eq '/aws/sns.pem' } $web->requests), 1,
    'a certificate is fetched once';
$t->fails(notice(events => {}), $events, 'report_malformed');
$t->fails(notice(events => 'no JSON'), $events, 'report_malformed');
my $none = 'https://sns.eu-west-1.amazonaws.com/none.pem';
is notice(events => \%fail, SigningCertURL => $none)->{status}, 401, 'a certificate that is not'
    for 1, 2;
is scalar(grep { $_->{path} eq '/aws/none.pem' } $web->requests), 1, 'is asked for once a minute';

my $url = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=T';
my @sub = (Type => 'SubscriptionConfirmation', Token => 'T');
is notice(events => 'You have chosen to subscribe', @sub, SubscribeURL => $_)->{status}, 401,
    "not subscribed at $_" for 'https://example.com/?Action=ConfirmSubscription',
        'https://sns.eu-west-1.amazonaws.com.example.com/?a', 'http://127.0.0.1/?a';
$t->works(notice(events => 'You have chosen to subscribe', @sub, SubscribeURL => $url), $events,
    204, 'a subscription is confirmed');
is scalar(grep { $_->{path} =~ /ConfirmSubscription/ } $web->requests), 1, 'at the host of SNS';

is notice(inbound => { originationNumber => '+4915123456789', destinationNumber => $us,
    messageKeyword => 'K', messageBody => 'by SNS', inboundMessageId => 'in-1' })->{status}, 204,
    'a text by SNS';
is heard()->[0], 'by SNS', 'is heard';
is notice(inbound => {})->{status}, 422;
unlike $p->log . $p->log('access.log'), qr/23456789|hush|wJalr/, 'no number and no secret'
    . ' is in a log';

done_testing;
