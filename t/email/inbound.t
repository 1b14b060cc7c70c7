# Mail that comes in: bounces and complaints find their message by its tag,
# forged ones find none, and soft ones count by days.

use FindBin;
use lib $FindBin::Bin;
use Mails;
use MIME::Base64;
use Pando;

my $key = 'a key that only our mta has';
my $t = Mails->new(workers => 2, http => "pando_set email.inbound_key '$key';
    pando_set email.bounce_host back.pando.test;");
my $p = $t->{p};
my ($post, $tenant) = ('POST /email/inbound', $Pando::Token::TENANT);

sub sent
{
    my ($to, %in) = @_;
    my $m = $t->mail(to => $to, %in);
    $t->gets($m, 'sent');
    my ($verp) = map { $_->[0] } $p->sql('select email.verp(m) from email.messages m
        where id = ?', $m->{id});
    return { %$m, verp => $verp };
}

sub come
{
    my ($to, $mail, @o) = @_;
    $to =~ s/([+@])/sprintf '%%%02x', ord $1/ge;
    return $p->request(POST => "/api/v1/email/inbound?to=$to", body => $mail,
        'Content-Type' => 'message/rfc822', 'X-Inbound-Key' => $key, @o);
}

sub dsn
{
    my ($status, %in) = @_;
    my $n = $in{n} // '';
    return "From: MAILER-DAEMON\@x.test\r\nSubject: failed$n\r\n"
        . "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
        . "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        . "Final-Recipient: rfc822; a\@x.test\r\nAction: " . ($in{action} // 'failed')
        . "\r\nStatus: $status\r\nDiagnostic-Code: smtp; 550 $status so\r\n--b--\r\n";
}

sub arf { my ($n) = @_;
    return "From: <fbl\@isp.test>\r\nSubject: abuse $n\r\n"
        . "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
        . "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n--b--\r\n" }

sub why { my ($to, %in) = @_;
    my $r = $t->post('/email/messages', { to => $to, subject => 's', text => 't', %in });
    return $r->{status} == 202 ? 'taken' : $r->json->{reason} }

sub outcome { my ($r) = @_; return ($r->json // {})->{outcome} // $r->{status} }


# bounces

my $m = sent('a@x.test');
my $at = "b+$m->{verp}\@back.pando.test";
is $t->works(come($at, dsn('4.2.2', action => 'delayed')), $post, 202)->{outcome}, 'delayed',
    'a delay is noted';
is $t->state($m), 'sent', 'and changes nothing';
is outcome(come($at, dsn('2.0.0', action => 'delivered'))), 'delivered';
is $t->state($m), 'delivered', 'delivered is more than sent';
is outcome(come($at, dsn('5.1.1'))), 'hard', 'nobody there';
is $t->state($m), 'bounced', 'a bounce that comes later ends it';
is outcome(come($at, dsn('5.1.1'))), 'known', 'the same mail counts once';
is outcome(come($at, dsn('5.1.1', n => 2))), 'known', 'so does the same news';
is outcome(come($at, dsn('2.0.0', action => 'delivered', n => 3))), 'delivered';
is $t->state($m), 'bounced', 'and it stays so';
is why('a@x.test'), 'hard_bounce', 'who is not there gets no more';
is $t->kinds($m), 'accepted deferred delivered bounced', 'the log of it';
is_deeply [ map { $_->[0] } $p->sql("select type from pando.outbox where type like 'email.%'
    order by seq") ], [ qw(email.sent email.delivered email.bounced) ], 'and what is told';

my $b = sent('b@x.test');
is outcome(come("b+$b->{verp}\@back.pando.test", dsn('5.7.1'))), 'block';
is why('b@x.test'), 'taken', 'who does not want us is there all the same';

my $c = sent('c@x.test');
(my $forged = $c->{verp}) =~ s/(.)$/$1 eq 'A' ? 'E' : 'A'/e;
is outcome(come("b+$forged\@back.pando.test", dsn('5.1.1'))), 'dropped', 'a tag that is made up';
is $t->state($c), 'sent', 'does nothing';
is outcome(come('b+nothing@back.pando.test', dsn('5.1.1'))), 'ignored', 'nor does none';

for my $day (1 .. 5) {
    is why('soft@x.test'), 'taken', "after @{[ $day - 1 ]} days";
    my $s = sent('soft@x.test');
    is outcome(come("b+$s->{verp}\@back.pando.test", dsn('5.2.2', n => $day))), 'soft';
    $p->sql("update email.events set at = at - make_interval(days => ?) where message_id = ?",
            5 - $day, $s->{id}) if $day < 5;
}

is why('soft@x.test'), 'soft_bounce', 'full on five days is enough';
my ($days) = $p->sql("select extract(epoch from expires_at - now()) / 86400
    from email.suppressions where to_norm = 'soft\@x.test'");
ok $days->[0] > 29.9 && $days->[0] <= 30, 'for thirty days' or diag $days->[0];
$p->sql("update email.suppressions set expires_at = now() where to_norm = 'soft\@x.test'");
is why('soft@x.test'), 'taken', 'and then once more';


# complaints

my $d = sent('d@x.test', lane => 'bulk');
is outcome(come("b+$d->{verp}\@back.pando.test", arf(1))), 'marketing', 'who complains';
is outcome(come("b+$d->{verp}\@back.pando.test", arf(2))), 'known', 'once of one message';
is why('d@x.test', lane => 'bulk'), 'complaint', 'gets nothing of the kind';
is why('d@x.test'), 'taken', 'but what is needed';
my $e = sent('d@x.test');
is outcome(come("b+$e->{verp}\@back.pando.test", arf(3))), 'all', 'who does it again';
is why('d@x.test'), 'complaint', 'gets nothing';
is why('d@x.test', mandatory => \1), 'taken', 'but what must be';
is_deeply [ map { $_->[0] } $p->sql("select data ->> 'message_id' from pando.outbox
    where type = 'email.complained' order by seq") ], [ $d->{id}, $e->{id} ], 'told each time';


# leaving by mail, and the rest

my $f = sent('f@x.test', lane => 'bulk');
my ($mailto) = $t->raw($f) =~ s/\r\n[ \t]/ /gr =~ /List-Unsubscribe:.*<mailto:([^>]+)>/;
is $mailto, "u+$f->{verp}\@back.pando.test", 'a mail for many names where to';
is outcome(come($mailto, "From: f\@x.test\r\n\r\nplease\r\n")), 'unsubscribed';
is why('f@x.test', lane => 'bulk'), 'unsubscribe', 'and it is done';

is outcome(come('help@pando.test', "From: Ada <ada\@x.test>\r\nSubject: why\r\n\r\n?\r\n")),
    'received', 'a question';
is outcome(come('help@pando.test', "From: ada\@x.test\r\nAuto-Submitted: auto-replied\r\n\r\n?")),
    'ignored', 'a machine';
is_deeply [ map { $_->[0] } $p->sql("select data ->> 'subject' from pando.outbox
    where type = 'email.received'") ], ['why'], 'only one of them is told';
my $all = $t->works($t->get('/email/inbound'), 'GET /email/inbound', 200)->{data};
is_deeply [ map { "$_->{route} $_->{outcome}" } @$all[0, 1, 2] ], [ 'automatic ignored',
    'support received', 'unsubscribe unsubscribed' ], 'all of it is listed';
is $all->[2]{message_id}, $f->{id}, 'with what it is about';
is_deeply $t->get('/email/inbound', token => $Mails::OTHER)->json->{data}, [], 'for us alone';

$t->fails(come($at, 'x', 'X-Inbound-Key' => $_), $post, 'inbound_key_wrong')
    for undef, '', 'x', "${key}x";
$t->fails(come('nobody', 'x'), $post, 'invalid_address', '?to');
is come($at, 'x' x 5e6)->{status}, 413, 'too much';
is outcome(come($at, "\0\xff\xfe" x 100)), 'received', 'nonsense is no report';
$t->all_provoked('email_inbound.c');
$p->sql("update email.event_keys set created_at = now() - interval '31 days'");
cmp_ok +($p->sql('select email.forget_inbound(100)'))[0][0], '>', 5, 'what came is forgotten';

unlike $p->log . $p->log('access.log'), qr/\Q$key/, 'no key is in a log';

done_testing;
