# Over SMTP: what a server says becomes the message's state; what it does not
# say is uncertain; what fails is tried again, elsewhere where it can be.

use FindBin;
use lib $FindBin::Bin;
use File::Temp qw(tempdir);
use Mails;
use Pando;
use Pando::Elsewhere;
use Time::HiRes qw(sleep time);

my $dir = tempdir(CLEANUP => 1);
my $times = sub {                       # how often a mail to that name came
    my ($text) = @_;
    my ($who) = $text =~ /^To: .*?([\w.]+)@/m;
    open my $out, '>>', "$dir/$who" or die;
    syswrite $out, '.';
    return ($who, -s "$dir/$who");
};
my $good = Pando::Elsewhere->mail;
my $odd = Pando::Elsewhere->mail(taken => sub {
    my ($who, $n) = $times->($_[0]);
    return '421 4.3.2 not now' if $who =~ /^later/ && $n == 1;
    return 'close' if $who =~ /^cut/ || $who =~ /^once/ && $n == 1;
    return 'hang' if $who =~ /^hang/;
    return '554 5.7.1 this is spam' if $who =~ /^spam/;
    if ($who =~ /^gate/) {
        my $until = time + 60;
        sleep 0.02 while !-e "$dir/open" && time < $until;
    }
    return '250 2.0.0 taken';
});
my $picky = Pando::Elsewhere->mail(mail => '550 5.1.8 not from you');
my $t = Mails->new(workers => 2, to => [ $good, $odd, $picky ],
    http => 'pando_set email.timeout_seconds 2; pando_set email.lease_seconds 8;
             pando_set email.require_domain off;
             pando_set email.bounce_host bounce.pando.test; pando_jobs lease=3s;');
my $p = $t->{p};
my $post = 'POST /email/providers';

sub provider
{
    my ($name, $server, %in) = @_;
    return $t->works($t->post('/email/providers', { name => $name, kind => 'smtp',
        host => '127.0.0.1', port => ref $server ? $server->port : $server, tls => 'plain', %in }),
        $post, 201);
}

sub messages { my ($s, $who) = @_;
    return grep { /^To: .*\Q$who\E@/m } map { $_->{message} // () } $s->notes }

sub enabled
{
    my ($of, $on) = @_;
    $t->works($t->patch("/email/providers/$of->{id}", { enabled => $on ? \1 : \0 }),
              'PATCH /email/providers/{id}', 200);
}


# none: the embedded one; one: that one

my $m = $t->mail;
$t->gets($m, 'sent');
is $t->row($m)->{provider}, 'capture', 'without a provider it is captured';
my $relay = provider('relay', $good);
$m = $t->mail(to => 'ada@example.com', cc => ['cc@example.com'], bcc => ['bcc@example.com'],
              html => '<p>hi</p>');
$t->gets($m, 'sent');
is $t->row($m)->{provider}, 'smtp', 'with one it is sent';
is $t->get("/email/outbox/$m->{id}")->{status}, 404, 'and not captured';
my ($mail) = messages($good, 'ada');
like $mail, qr/^Message-I[dD]: <\Q$m->{id}\E@/m, 'as it is';
unlike $mail, qr/bcc\@/, 'without those who are hidden';
my @lines = map { $_->{line} // () } $good->notes;
is_deeply [ grep { /^RCPT/ } @lines ], [ map { "RCPT TO:<$_\@example.com>" } qw(ada cc bcc) ],
    'to all of them';
my ($from) = map { /^MAIL FROM:<b\+([\w-]{32})\@bounce\.pando\.test>/ } @lines;
ok $from, 'bounces come back to an address of its own' or diag "@lines";
is $t->row($m)->{events}[0]{code}, 250, 'what it said is noted';


# what a server says

for (['450x@example.com', 'deferred', 450, undef], ['550x@example.com', 'bounced', 550, 'hard']) {
    my ($to, $state, $code, $class) = @$_;
    $m = $t->mail(to => $to);
    $t->gets($m, $state, "$to: $state");
    my $row = $t->row($m);
    is $row->{events}[0]{code}, $code, 'and why';
    is $row->{reason}, $class if $class;
}

is $t->post('/email/messages', { to => '550X@example.com', subject => 'a', text => 'b' })
    ->json->{reason}, 'hard_bounce', 'who is not there gets no more';
is_deeply [ map { $_->[0] } $p->sql("select data ->> 'reason' from pando.outbox
    where type = 'email.bounced'") ], ['hard'], 'which is told';
my ($gap) = $p->sql("select extract(epoch from next_at - (select max(at) from email.events e
    where e.message_id = m.id)) from email.messages m where state = 'deferred'");
ok $gap->[0] > 47 && $gap->[0] < 73, 'tried again in a minute' or diag $gap->[0];
my @plan = (60, 300, 900, 1800, 3600, 7200, 7200);
is_deeply [ map { ($p->sql("select extract(epoch from email.pause($_, 0.5))::int"))[0][0] }
            1 .. 7 ], \@plan, 'and so on';
$p->sql("update email.messages set state = 'canceled' where state = 'deferred'");

enabled($relay, 0);
my $other = provider('odd', $odd);
$m = $t->mail(to => 'spam@example.com');
$t->gets($m, 'bounced');
is $t->row($m)->{reason}, 'block', 'who takes it for spam';
is $t->mail(to => 'spam@example.com')->{state}, 'queued', 'is no reason to write no more';

$m = $t->mail(to => 'later@example.com');
$t->gets($m, 'deferred', '421 is for later');
$t->due;
$t->gets($m, 'sent', 'then it is taken');
is join(' ', map { $_->{kind} } @{ $t->row($m)->{events} }), 'deferred accepted';
is scalar(my @both = messages($odd, 'later')), 2, 'in two attempts';
is $both[0], $both[1] =~ s/boundary="[^"]+"//r, 'with the same bytes';

enabled($other, 0);
my $third = provider('picky', $picky);
$m = $t->mail(to => 'x@example.com');
$t->gets($m, 'bounced');
is $t->row($m)->{reason}, 'soft', 'a sender who is refused says nothing of who it is for';
enabled($third, 0);
enabled($other, 1);


# what is not said

$m = $t->mail(to => 'once@example.com');
$t->waits(sub { $t->kinds($m) eq 'uncertain' }, 'closed after all was sent: uncertain');
is $t->state($m), 'deferred', 'one alone is tried once more';
$t->due;
$t->gets($m, 'sent', 'and taken');
my @ids = map { /^Message-I[dD]: (.*)\r$/m } messages($odd, 'once');
is scalar @ids, 2, 'twice';
is $ids[0], $ids[1], 'with one id';

$m = $t->mail(to => 'cut@example.com');
$t->waits(sub { $t->kinds($m) eq 'uncertain' }, 'once');
$t->due;
$t->gets($m, 'uncertain', 'and twice: nobody knows');
is scalar(messages($odd, 'cut')), 2, 'and no third time';
$m = $t->mail(to => 'cut2@example.com', lane => 'bulk');
$t->gets($m, 'uncertain', 'one of many is not tried again');
is scalar(messages($odd, 'cut2')), 1;
is scalar @{ $t->get('/email/messages?state=uncertain')->json->{data} }, 2, 'they are listed';

$m = $t->mail(to => 'hang@example.com', lane => 'bulk');
$t->gets($m, 'uncertain', 'no answer in time is the same');


# workers that die with messages in hand

my @one = map { $t->mail(to => "gate$_\@example.com") } 1 .. 3;
my @many = map { $t->mail(to => "gateb$_\@example.com", lane => 'bulk') } 1 .. 3;
$t->waits(sub { (grep { /^To: gate/m } map { $_->{message} // () } $odd->notes) == 6 },
          'six are under way');
$p->kill_worker('KILL', $_) for $p->worker_pids;
open my $open, '>', "$dir/open" or die;
close $open;
$t->waits(sub { $p->sql('select email.sweep(100)');
    ($p->sql("select count(*) from email.messages where state = 'sending'"))[0][0] == 0 },
    'they are missed');
$t->gets($_, 'uncertain', 'of many: uncertain') for @many;
$t->waits(sub { $t->due; $t->state($_) eq 'sent' }, 'alone: once more') for @one;
is_deeply [ map { scalar messages($odd, $_) } qw(gate1 gate2 gate3 gateb1 gateb2 gateb3) ],
    [ 2, 2, 2, 1, 1, 1 ], 'no more often than that';


# a provider that is not there

enabled($other, 0);
my $gone = provider('gone', $picky, weight => 1000);
$picky->stop;
my @wait = map { $t->mail(to => "w$_\@example.com") } 1 .. 4;
$t->waits(sub { $t->due;
    $t->get("/email/providers/$gone->{id}")->json->{failures} >= 3 }, 'it fails');
ok $t->get("/email/providers/$gone->{id}")->json->{blocked_until}, 'and is left alone';
is scalar(grep { $t->state($_) !~ /^(?:queued|deferred|sending)$/ } @wait), 0,
    'what is for it waits';
enabled($relay, 1);
$t->waits(sub { $t->due; 4 == grep { $t->state($_) eq 'sent' } @wait },
          'another one takes all of it');
is_deeply [ map { scalar messages($good, "w$_") } 1 .. 4 ], [ (1) x 4 ], 'once each';
my $r = $t->works($t->post("/email/providers/$relay->{id}/test"),
                  'POST /email/providers/{id}/test', 200);
is "$r->{good} $r->{code}", '1 220', 'a test says that one is there';
is $t->post("/email/providers/$gone->{id}/test")->json->{good}, JSON::PP::false, 'or is not';


# one lane does not wait for the other

enabled($gone, 0);
$t->works($t->patch("/email/providers/$relay->{id}", { lanes => ['transactional'] }),
          'PATCH /email/providers/{id}', 200);
my $slow = provider('slow', $odd, lanes => ['bulk']);
$t->post('/email/templates', { key => 'hang', subject => 'hi', text => 'hello' });
$t->post('/email/templates/hang/publish', {});
my @slow = @{ $t->post('/email/messages/batch', { template => 'hang', items => [
    map { +{ to => "hang$_\@example.com" } } 1 .. 200 ] })->json->{results} };
my @fast = map { $t->mail(to => "fast$_\@example.com") } 1 .. 5;
$t->gets($_, 'sent', 'one that is needed') for @fast;
cmp_ok +($p->sql("select count(*) from email.messages where state in ('queued', 'sending')
    and lane = 'bulk'"))[0][0], '>', 0, 'comes before many that hang';


# providers themselves

my $put = 'PATCH /email/providers/{id}';
my $secret = provider('secret', $good, user => 'me', secret => 'hush', enabled => \0);
is $secret->{has_secret}, JSON::PP::true, 'a secret is kept';
unlike $t->get('/email/providers')->{body}, qr/hush/, 'and not shown';
is scalar(() = $p->sql("select 1 from email.providers p where p::text like '%hush%'")), 0,
    'nor is it in the open';
$t->fails($t->post('/email/providers', { name => 'x', kind => 'smtp' }), $post,
    'provider_incomplete', '/host');
$t->fails($t->post('/email/providers', { name => 'x', kind => 'smtp', host => 'a', user => 'b' }),
    $post, 'provider_incomplete', '/secret');
$t->fails($t->post('/email/providers', { name => 'relay', kind => 'capture' }), $post,
    'provider_name_taken', '/name');
$t->fails($t->patch("/email/providers/$slow->{id}", { name => 'relay' }), $put,
    'provider_name_taken', '/name');
$t->fails($t->patch("/email/providers/$slow->{id}", { user => 'x' }), $put,
    'provider_incomplete', '/secret');
for (['events_key_invalid', events_key => 'x'], ['url_not_allowed', base_url => 'http://10.0.0.1/'])
{
    my ($code, $name, $value) = @$_;
    $t->fails($t->post('/email/providers', { name => 'x', kind => 'sendgrid', secret => 's',
        $name => $value }), $post, $code, "/$name");
    $t->fails($t->patch("/email/providers/$slow->{id}", { $name => $value }), $put, $code,
        "/$name");
}
$t->fails($t->patch("/email/providers/$slow->{id}", { weight => 1 }, 'If-Match' => '"9"'), $put,
    'precondition_failed');
$t->works($t->get("/email/providers/$slow->{id}"), 'GET /email/providers/{id}', 200);
is scalar @{ $t->works($t->get('/email/providers'), 'GET /email/providers', 200)->{data} }, 6;
is $t->get("/email/providers/$slow->{id}", token => $Mails::OTHER)->{status}, 404;
my ($no, $delete) = ($Pando::Routes::NOBODY, 'DELETE /email/providers/{id}');
$t->fails($t->get("/email/providers/$no"), 'GET /email/providers/{id}', 'not_found');
$t->fails($t->patch("/email/providers/$no", {}), $put, 'not_found');
$t->fails($t->post("/email/providers/$no/test"), 'POST /email/providers/{id}/test', 'not_found');
$t->fails($t->delete("/email/providers/$no"), $delete, 'not_found');
$t->fails($t->delete("/email/providers/$slow->{id}", 'If-Match' => '"9"'), $delete,
    'precondition_failed');
$t->works($t->delete("/email/providers/$slow->{id}"), $delete, 204);
$t->all_provoked('email_providers.c');

unlike $p->log . $p->log('access.log'), qr/hush/, 'no secret is in a log';

done_testing;
