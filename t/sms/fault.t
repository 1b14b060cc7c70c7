# A worker that dies with messages in hand: what a provider may have taken is
# not handed over again, but for codes of which it says that it has them not.

use FindBin;
use lib $FindBin::Bin;
use File::Temp;
use Pando;
use Pando::Elsewhere;
use Sms;
use Time::HiRes qw(sleep time);

my $gate = File::Temp::tempdir(CLEANUP => 1) . '/open';
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;

    if ($rq->{path} =~ m{^/status/}) {
        $s->print(Pando::Elsewhere::answer(404, ''));
        return;
    }

    my $until = time + 90;
    sleep 0.02 while !-e $gate && time < $until;
    $s->print(Pando::Elsewhere::answer(200, '{}', 'Content-Type' => 'application/json'));
});
my $t = Sms->new(workers => 2, to => [$web], set => { lease_seconds => 2 },
    http => 'pando_jobs lease=2s;');
my $p = $t->{p};
my $home = 'http://127.0.0.1:' . $web->port;

my $r = $t->post('/sms/providers', { name => 'a', kind => 'http', base_url => "$home/send",
    config => { secret => 'x', status_url => "$home/status/{id}" }, per_second => 1000 });
$t->post('/sms/routes', { lane => $_, provider_id => $r->json->{id} })
    for qw(otp transactional marketing);

my @all = map { $t->sent(lane => $_) } ('marketing') x 3, 'otp', 'transactional';
my $sent = sub { my ($m) = @_;
    return scalar grep { $_->{method} eq 'POST' && $_->{body} =~ /$m->{id}/ } $web->requests };
$t->waits(sub { (grep { $sent->($_) } @all) == 5 }, 'five are with the provider');
$p->kill_worker('KILL', $_) for $p->worker_pids;
open my $out, '>', $gate or die;
close $out;

$t->waits(sub { (grep { $t->state($_) eq 'accepted' } @all[3, 4]) == 2 },
          'a code and what was asked for are sent once more, since the provider has them not', 120);
is_deeply [ map { $sent->($_) } @all[3, 4] ], [ 2, 2 ], 'once';
is_deeply [ map { $sent->($_) } @all[0 .. 2] ], [ 1, 1, 1 ], 'an advertisement is not';
is_deeply [ map { $t->state($_) . ($t->message($_)->{unsure} ? '?' : '') } @all[0 .. 2] ],
    [ ('submitting?') x 3 ], 'it waits for a report';

# captured messages are not lost, and there once, whoever dies

$p->sql('delete from sms.routes');
my @many = map { $t->sent(body => "m $_") } 1 .. 30;
$p->kill_worker('KILL', $_) for $p->worker_pids;
$t->waits(sub { $t->count("outbox where body like 'm %'") == 30 }, 'all of them arrive', 120);
$t->waits(sub { (grep { $t->state($_) eq 'delivered' } @many) == 30 }, 'and end so');
is $t->count("log where kind = 'accepted' and message_id in (select message_id from sms.outbox)"),
    30, 'once each';

done_testing;
