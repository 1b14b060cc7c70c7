# From the queue to a provider and back: what each adapter sends and
# understands, which way a message takes when one is down, what is done where
# nobody knows, and reports that are signed, repeated and out of order.

use FindBin;
use lib $FindBin::Bin;
use Digest::SHA qw(hmac_sha256_hex hmac_sha1);
use JSON::PP;
use MIME::Base64;
use Pando;
use Pando::Elsewhere;
use Sms;

my $answer = \&Pando::Elsewhere::answer;
my $json = sub { $answer->($_[0], encode_json($_[1]), 'Content-Type' => 'application/json') };
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my ($at) = $rq->{path} =~ m{^/(\w+)};

    if ($at eq 'good') {
        my $in = decode_json($rq->{body});
        $s->print($json->(200, { ref => "r-$in->{id}" }));
    } elsif ($at eq 'bad') {
        $s->print($answer->(500, ''));
    } elsif ($at eq 'no') {
        $s->print($json->(400, { code => 'E1', reason => 'absent' }));
    } elsif ($at eq 'known') {
        $s->print($json->(200, { ref => 'found' }));
    } elsif ($at eq 'unknown') {
        $s->print($answer->(404, ''));
    } elsif ($at eq 'twilio') {
        $s->print($json->(201, { sid => 'SM1', status => 'queued' }));
    } elsif ($at eq 'smsru') {
        $s->print($json->(200, { status => 'OK', status_code => 100, sms => { 4915123456789 =>
            { status => 'OK', status_code => 100, sms_id => '000-7' } } }));
    } elsif ($at eq 'kannel') {
        $s->print($answer->(202, '0: Accepted for delivery'));
    } else {
        return 'close';
    }
});

my $t = Sms->new(workers => 2, to => [$web], set => { captured => 'accepted',
    public_url => 'https://api.example.com', currency => 'EUR' });
my $p = $t->{p};
my $home = 'http://127.0.0.1:' . $web->port;
my $tenant = $Pando::Token::TENANT;

sub to { my ($at) = @_; return grep { $_->{path} =~ m{^/\Q$at\E\b} } $web->requests }

# A provider with a route of its own prefix.
my $n = 0;
sub provider
{
    my ($kind, $at, %set) = @_;
    my $lanes = delete $set{lanes} // [qw(transactional)];
    my $prefix = delete $set{prefix} // sprintf '4915%d', 10 + $n;
    my $priority = delete $set{priority} // 100;
    my $r = $t->post('/sms/providers', { name => 'p' . ++$n, kind => $kind,
        base_url => "$home/$at", per_second => 1000, config => { secret => 'hush',
            %{ delete $set{config} // {} } }, %set });
    die $r->{raw} unless $r->{status} == 201;
    my $made = $r->json;
    $made->{prefix} = $prefix;
    $made->{to} = sprintf '+%s%s', $prefix, substr '23456789', length($prefix) - 5;

    for my $lane (@$lanes) {
        my $route = $t->post('/sms/routes', { prefix => $prefix, lane => $lane,
            provider_id => $made->{id}, priority => $priority });
        die $route->{raw} unless $route->{status} == 201;
        $made->{route} = $route->json;
    }

    return $made;
}

sub form
{
    return { map { s/\+/ /gr =~ s/%(..)/chr hex $1/ger } map { split /=/, $_, 2 }
             split /&/, $_[0] };
}


# our own way: signed

my $good = provider('http', 'good', prefix => '49151', lanes => [qw(otp transactional marketing)]);
my $m = $t->sent(to => '+4915123456789', body => "Gr\x{fc}n", sender => 'PANDO');
$t->ends($m, 'accepted', 'a provider takes a message');
my ($rq) = to('good');
utf8::encode($rq->{body});
my $in = decode_json($rq->{body});
is_deeply [ @$in{qw(id to from text lane)} ], [ $m->{id}, '+4915123456789', 'PANDO', "Gr\x{fc}n",
    'transactional' ], 'as it is';
my $sign = sub { my ($body, $at, $key) = @_;
    return hmac_sha256_hex("$at.$body", $key // 'hush') };
is $rq->{headers}{'x-pando-signature'},
    $sign->($rq->{body}, $rq->{headers}{'x-pando-timestamp'}), 'signed';
is scalar(to('good')), 1, 'once';
is $t->message($m)->{provider_id}, $good->{id}, 'by which, is told';


# reports: signed, in any order, again and again

my $events = 'POST /sms/events/{id}';
my $report = sub {
    my ($who, $what, %opt) = @_;
    my $body = ref $what ? encode_json($what) : $what;
    my $at = $opt{at} // time;
    return $p->post("/api/v1/sms/events/$who->{id}", $body, 'Content-Type' => 'application/json',
        'X-Pando-Timestamp' => $at, 'X-Pando-Signature' => $sign->($body, $at, $opt{key}));
};
my $ref = "r-$m->{id}";
$t->fails($report->($good, { ref => $ref, status => 'delivered' }, key => 'wrong'), $events,
    'bad_signature');
$t->fails($report->($good, { ref => $ref, status => 'delivered' }, at => time - 400), $events,
    'bad_signature', undef, 'an old one');
$t->fails($p->post("/api/v1/sms/events/$good->{id}", '{}'), $events, 'bad_signature');
is $t->state($m), 'accepted', 'what is not signed changes nothing';
$t->fails($report->($good, $_), $events, 'report_malformed', undef, 'no report')
    for '{', '[]', {}, { ref => $ref }, { ref => $ref, status => 'odd' }, { status => 'failed' };
$t->fails($report->($good, { ref => 'none', status => 'failed' }), $events, 'unknown_message');
$t->fails($report->({ id => $Pando::Routes::NOBODY }, {}), $events, 'not_found');

my @all = ({ ref => $ref, status => 'delivered' }, { ref => $ref, status => 'failed',
    reason => 'absent' }, { id => $m->{id}, status => 'delivered' });
$t->works($report->($good, $_), $events, 204) for @all;
is $t->state($m), 'delivered', 'delivered, failed, delivered: it is delivered';
$report->($good, $all[$_ % 3]) for 1 .. 30;
is $t->state($m), 'delivered', 'however often';
is $t->count('log where message_id = ?', $m->{id}), 3 + 33, 'the log has all of them';
is $t->count('log where message_id = ? and kind = ?', $m->{id}, 'failed'), 1 + 10;
is scalar(() = $p->sql("select 1 from pando.outbox where type = 'sms.delivered'
    and subject = ?", $m->{id})), 1, 'which is told once';

my $late = $t->sent(to => '+4915123456789');
$t->ends($late, 'accepted');
$report->($good, { id => $late->{id}, status => 'undelivered', reason => 'absent' });
is "@{ $t->message($late) }{qw(state reason)}", 'undelivered absent', 'not delivered';
$report->($good, { id => $late->{id}, status => 'delivered' });
is $t->state($late), 'delivered', 'but then it was';
my $other = provider('http', 'good');
is $report->($other, { id => $late->{id}, status => 'failed' })->{status}, 404,
    'a provider speaks of its own messages only';


# Twilio

my $tw = provider('twilio', 'twilio', prefix => '49152', config => { account_sid => 'AC1',
    auth_token => 'token', from => '+12015550100' });
$m = $t->sent(to => '+4915223456789', body => 'a&b=c');
$t->ends($m, 'accepted', 'Twilio takes a message');
($rq) = to('twilio');
is $rq->{path}, '/twilio/2010-04-01/Accounts/AC1/Messages.json';
is $rq->{headers}{authorization}, 'Basic ' . encode_base64('AC1:token', '');
my $url = "https://api.example.com/api/v1/sms/events/$tw->{id}?m=$m->{id}";
is_deeply form($rq->{body}), { To => '+4915223456789', From => '+12015550100', Body => 'a&b=c',
    StatusCallback => $url }, 'its form';
my $tell = sub {
    my ($body, %set) = @_;
    my %form = %{ form($body) };
    my $text = join '', $url, map { $_, $form{$_} } sort keys %form;
    return $p->post("/api/v1/sms/events/$tw->{id}?m=$m->{id}", $body,
        'Content-Type' => 'application/x-www-form-urlencoded',
        'X-Twilio-Signature' => encode_base64(hmac_sha1($text, $set{key} // 'token'), ''));
};
my $said = 'MessageStatus=undelivered&ErrorCode=30005&MessageSid=SM1';
is $tell->($said, key => 'other')->json->{code}, 'bad_signature', 'a forged one';
is $tell->($said)->{status}, 204, 'a report of Twilio';
is "@{ $t->message($m) }{qw(state reason)}", 'undelivered unknown_subscriber', 'is understood';
is $tell->('MessageStatus=queued&MessageSid=SM1')->{status}, 204, 'a step that says nothing';

# SMS.ru

my $ru = provider('smsru', 'smsru', prefix => '49151234', config => { api_id => 'key' });
$m = $t->sent(to => '+4915123456789', body => 'x');
$t->ends($m, 'accepted', 'SMS.ru takes a message');
($rq) = to('smsru');
is_deeply form($rq->{body}), { api_id => 'key', to => '4915123456789', msg => 'x', json => 1 };
$said = 'data%5B0%5D=sms_status%0A000-7%0A103%0A1&hash=x';
is $p->post("/api/v1/sms/events/$ru->{id}?key=wrong", $said)->{status}, 401, 'a forged one';
my $r = $p->post("/api/v1/sms/events/$ru->{id}?key=hush", $said);
is "$r->{status} $r->{body}", '200 100', 'is answered as it wants';
is $t->state($m), 'delivered', 'and understood';

# Kannel

my $ka = provider('kannel', 'kannel', prefix => '49157', config => { username => 'u',
    password => 'p', from => '123' });
$m = $t->sent(to => '+4915723456789', body => "\x{416}");
$t->ends($m, 'accepted', 'Kannel takes a message');
($rq) = to('kannel');
$in = form($rq->{path} =~ s/.*?\?//r);
is $in->{coding}, 2, 'in UCS-2';
is $in->{text}, "\xd0\x96";
like $in->{'dlr-url'}, qr{/sms/events/$ka->{id}\?m=$m->{id}&key=hush&status=%d$};
my $back = 'GET /sms/events/{id}';
$t->fails($t->public("/sms/events/$ka->{id}?m=$m->{id}&key=no&status=1"), $back,
    'bad_signature');
$t->fails($t->public("/sms/events/$ka->{id}?key=hush&status=1"), $back, 'report_malformed');
$t->fails($t->public("/sms/events/$ka->{id}?m=$Pando::Routes::NOBODY&key=hush&status=1"), $back,
    'unknown_message');
$t->fails($t->public("/sms/events/$Pando::Routes::NOBODY"), $back, 'not_found');
$t->works($t->public("/sms/events/$ka->{id}?m=$m->{id}&key=hush&status=1"), $back, 204);
is $t->state($m), 'delivered', 'its report';


# refused for good

provider('http', 'no', prefix => '49160');
$m = $t->sent(to => '+4916023456789');
$t->ends($m, 'failed', 'a refusal is an end');
is $t->message($m)->{reason}, 'absent';


# one that is down: at once by the other, and the next one knows

my $cheap = provider('http', 'bad', prefix => '49162', priority => 1,
    lanes => [qw(otp transactional marketing)]);
my $dear = provider('http', 'good', prefix => '49162', priority => 2,
    lanes => [qw(otp transactional marketing)]);
$m = $t->sent(to => '+4916223456789');
$t->ends($m, 'accepted', 'one provider is down');
is $t->message($m)->{provider_id}, $dear->{id}, 'the other one takes it';
is $t->log_of($m), 'queued submitted failed submitted accepted', 'at once';
$m = $t->sent(to => '+4916223456789', lane => 'otp');
$t->ends($m, 'accepted');
is $t->log_of($m), 'queued submitted accepted', 'the next message goes there in one attempt';

# a campaign's message never goes by two

$p->sql('update sms.windows set down_until = null');
$m = $t->sent(to => '+4916223456780', lane => 'marketing');
$t->waits(sub { $t->message($m)->{state} eq 'retry' }, 'a message of a campaign waits');
is $t->message($m)->{route_id}, ($p->sql("select id from sms.routes where provider_id = ?
    and lane = 'marketing'", $cheap->{id}))[0][0], 'for its own route';
$p->sql("update sms.providers set base_url = ? where id = ?", "$home/good", $cheap->{id});
$p->sql('update sms.windows set down_until = null');
$p->sql("update sms.messages set next_at = clock_timestamp() where id = ?", $m->{id});
$p->sql('select sms.wake(tenant_id, lane, id, clock_timestamp()) from sms.messages
    where id = ?', $m->{id});
$t->ends($m, 'accepted', 'until that is up');
is $t->message($m)->{provider_id}, $cheap->{id}, 'and goes by it';

# three attempts are all

provider('http', 'bad', prefix => '49163');
$m = $t->sent(to => '+4916323456789');
$t->waits(sub {
    $p->sql('update sms.windows set down_until = null');
    $p->sql("update sms.messages set next_at = clock_timestamp() where id = ?
        and state = 'retry'", $m->{id});
    $p->sql("select pando.enqueue('sms.transactional', jsonb_build_object('id', ?::text), ?,
        unique_key => 'again')", $m->{id}, $tenant);
    return $t->state($m) eq 'failed';
}, 'what fails three times has failed');
is scalar(grep { $_->{body} =~ /$m->{id}/ } to('bad')), 3, 'and was tried three times';
is $t->message($m)->{reason}, 'provider_error';

# a code with no way left is told of at once

provider('http', 'bad', prefix => '49170', lanes => ['otp']);
$m = $t->sent(to => '+4917023456789', lane => 'otp');
$t->waits(sub {
    $p->sql("update sms.messages set next_at = clock_timestamp() where id = ?
        and state = 'retry'", $m->{id});
    $p->sql("select pando.enqueue('sms.otp', jsonb_build_object('id', ?::text), ?,
        unique_key => 'again')", $m->{id}, $tenant);
    return $t->state($m) eq 'failed';
}, 'a code without a way fails');


# nobody knows: the connection broke after it was sent

sub unsure
{
    my ($prefix, $lane, $status) = @_;
    provider('http', 'broken', prefix => $prefix, lanes => [$lane],
        config => { $status ? (status_url => "$home/$status/{id}") : () });
    my $m = $t->sent(to => "+${prefix}23456789", lane => $lane);
    $t->waits(sub { $t->log_of($m) =~ /unsure/ }, "$lane: nobody knows");
    my $sent = sub { scalar grep { $_->{body} =~ /$m->{id}/ } to('broken') };
    return ($m, $sent);
}

my ($ad, $ads) = unsure('49171', 'marketing', 'unknown');
my ($mute, $mutes) = unsure('49172', 'transactional');
my ($had, $hads) = unsure('49173', 'otp', 'known');
my ($lost, $losts) = unsure('49174', 'otp', 'unknown');
$t->ends($had, 'accepted', 'the provider is asked, and has it');
is $hads->(), 1, 'it is not sent again';
$t->waits(sub { $losts->() == 2 }, 'the provider has it not: it is sent once more');
$t->waits(sub { $t->log_of($lost) =~ /unsure.*unsure/ }, 'of which again nobody knows');
is scalar(() = $p->sql("select 1 from pando.jobs where kind = 'sms.ask'
    and state in ('ready', 'running') and payload->>'id' in (?, ?)", $lost->{id}, $ad->{id})), 0,
    'and nobody asks again';
is $ads->(), 1, 'an advertisement is not sent twice';
is $mutes->(), 1, 'nor what nobody can ask after';
is join(' ', map { $t->state($_) . ($t->message($_)->{unsure} ? '?' : '') } $ad, $mute),
    'submitting? submitting?', 'they wait for a report';
$p->sql("update sms.messages set ttl_at = now() - interval '73 hours' where unsure");
$p->sql('select sms.expire(100)');
is $t->state($ad), 'expired', 'or for three days';
$t->all_provoked('sms_reports.c');


# what is left in the log

unlike $p->log . $p->log('access.log'), qr/23456789|hush|token/, 'no number and no secret'
    . ' is in a log';

# how it went, by route

$p->sql('select sms.count_routes()');
my ($s) = $p->sql('select sent, delivered, failed from sms.route_stats where route_id = ?',
    $ru->{route}{id});
is "@$s", '1 1 0', 'each route is counted';
$p->sql('select sms.count_routes()');
is $t->count('route_stats where route_id = ?', $ru->{route}{id}), 1, 'once an hour';

done_testing;
