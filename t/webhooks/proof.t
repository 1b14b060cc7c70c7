# What must hold whatever happens: one endpoint that hangs keeps nobody waiting,
# and workers are killed at random and every message arrives.

use FindBin;
use lib $FindBin::Bin;
use File::Temp;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Post;
use Time::HiRes qw(sleep time);

my $gate = File::Temp::tempdir(CLEANUP => 1) . '/open';
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;

    if ($rq->{path} eq '/gate') {
        my $until = time + 120;
        sleep 0.05 while !-e $gate && time < $until;
    }

    $s->print(Pando::Elsewhere::answer($rq->{path} eq '/500' && !-e $gate ? 500 : 200, 'said'));
});
my $t = Post->new(workers => 2, to => [$web], http => 'pando_jobs lease=2s;
    pando_set webhooks.lease_spare_seconds 1;');
my $p = $t->{p};
my $one = sub { my @row = $p->sql(@_); return ref $row[0] ? $row[0][0] : $row[0] };
my $open = sub { open my $out, '>', $gate or die; close $out };

# So many events at once, as a domain would tell them, of as many subjects or one.
sub tell_all
{
    my ($n, $type, $subject) = @_;
    $p->sql("select count(pando.emit(?, ?, 1, coalesce(?, pando.uuid7()),
        jsonb_build_object('n', n))) from generate_series(1, ?) as n", $Pando::Token::TENANT,
        $type, $subject, $n);
}

# A hundred endpoints, one of which hangs

my $hung = $t->endpoint($web, at => '/gate', event_types => ['custom.*'], timeout_ms => 30000);
my @others = map { $t->endpoint($web, at => "/e$_", event_types => ['custom.*']) } 1 .. 99;
my $good = "select count(*) from webhooks.deliveries where state = 'succeeded'
    and endpoint_id <> ?";
$t->tell(type => 'custom.written') for 1 .. 3;
$t->waits(sub { $one->($good, $hung->{id}) == 297 }, 'three events came to ninety-nine', 90);
is $one->('select max(attempts) from webhooks.deliveries where endpoint_id <> ?', $hung->{id}), 1,
    'each at the first attempt';
is $one->('select count(*) from webhooks.attempts where endpoint_id = ?', $hung->{id}), 0,
    'while not one attempt at the other was over';
$t->tell(type => 'custom.written') for 1 .. 9;
my $most = 0;
$t->waits(sub {
    my $n = $one->("select count(*) from webhooks.deliveries where endpoint_id = ?
        and state = 'sending'", $hung->{id});
    $most = $n if $n > $most;
    return $one->($good, $hung->{id}) == 1188 && $most >= 8;
}, 'nine more', 90);
is $most, 8, 'the one that hangs has eight under way, and no more';
is $one->("select count(*) from webhooks.deliveries where endpoint_id = ?
    and state in ('pending', 'sending')", $hung->{id}), 12, 'and what is for it waits';
my ($p50, $p99) = @{ ($p->sql('select percentile_disc(array[0.5, 0.99]) within group (order by
    extract(epoch from a.at - m.created_at) * 1000) from webhooks.attempts a
    join webhooks.messages m on m.id = a.message_id where a.endpoint_id <> ?',
    $hung->{id}))[0][0] };
note sprintf 'from event to answer beside one that hangs: p50 %d ms, p99 %d ms', $p50, $p99;
$open->();
$t->waits(sub { !$one->("select count(*) from webhooks.deliveries
    where state in ('pending', 'sending')") }, 'when it is back it gets all', 90);
unlink $gate;
$p->sql('delete from webhooks.endpoints');


# Workers killed at random while many messages go out

my $N = 2000;
my $many = $t->endpoint($web, at => '/many', event_types => ['custom.*'], timeout_ms => 1000,
    max_in_flight => 16);
$web->forget;
tell_all($N, 'custom.many');
$t->tell(type => 'custom.many');
my $rest = sub { $one->("select count(*) from webhooks.deliveries where endpoint_id = ?
    and state <> 'succeeded'", $many->{id}) };
my ($kills, $next, $all) = (0, time + 0.5, 0);
$t->waits(sub {
    if (time > $next) {
        $next = time + 1;
        my @pids = $p->worker_pids;
        $p->kill_worker('KILL', $pids[rand @pids]) if @pids && $kills < 6 && ++$kills;
        $p->sql(q{select pando.enqueue('webhooks.sweep')}) if $kills >= 6;
    }
    $all ||= $one->('select count(*) from webhooks.deliveries where endpoint_id = ?',
                    $many->{id}) == $N + 1;
    $all && $kills >= 6 && $rest->() == 0;
}, 'all arrive, whoever is killed', 180) or diag $rest->();
my (%came, $requests);
for ($web->requests) {
    next unless $_->{path} eq '/many';
    $came{$_->{headers}{'webhook-id'}}{decode_json($_->{body})->{id}}++;
    $requests++;
}
is scalar keys %came, $N + 1, 'each at least once';
is scalar(grep { keys %$_ != 1 } values %came), 0, 'under one id';
is $one->("select count(*) from webhooks.deliveries where state = 'sending'"), 0,
    'none is left under way';
note sprintf '%d messages, %d kills: %d came twice', $N + 1, $kills, $requests - $N - 1;
$p->sql('delete from webhooks.endpoints');

done_testing;
