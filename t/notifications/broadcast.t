# To twenty thousand, while workers are killed at random: everybody exactly
# once, and nothing is begun anew.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Time::HiRes qw(time);
use Told;

my $t = Told->new(workers => 2, http => 'pando_jobs lease=2s;');
my $p = $t->{p};
my $N = 20_000;
my $one = sub { my @row = $p->sql(@_); return ref $row[0] ? $row[0][0] : $row[0] };

my $topic = $t->post('/notification-topics', { key => 'all', title => 'All' })->json;
$p->sql("insert into notifications.topic_subscriptions (topic_id, user_id, tenant_id)
    select ?, ('01900000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, ?
      from generate_series(1, $N) as n", $topic->{id}, $Pando::Token::TENANT);
$p->sql('analyze notifications.topic_subscriptions');

my $all = $t->send(content => { title => 'To all' }, to => { topic => 'all' },
                   channels => ['in_app']);
my $reached = sub { $one->('select recipients from notifications.requests where id = ?',
                           $all->{id}) };
my ($kills, $next, $lost) = (0, 0, 0);
my $before = 0;
$t->waits(sub {
    my $n = $reached->();
    $lost++ if $n < $before;
    $before = $n;

    if ($kills < 3 && $n >= $next) {
        my @pids = $p->worker_pids;
        $next = $n + $N / 5;
        $p->kill_worker('KILL', $pids[rand @pids]) if @pids && ++$kills;
    }

    return $one->('select state from notifications.requests where id = ?', $all->{id})
        eq 'planned';
}, 'it is done, whoever is killed', 240);
is $kills, 3, 'three were killed on its way';
is $lost, 0, 'and it never went back';
is $reached->(), $N, 'it was for everybody';
is $one->('select total from notifications.requests where id = ?', $all->{id}), $N, 'of so many';
is $one->('select count(*) from notifications.deliveries where request_id = ?', $all->{id}), $N,
    'one delivery each';
is $one->('select count(distinct user_id) from notifications.notifications where request_id = ?',
    $all->{id}), $N, 'one row each';
is $one->("select count(*) from notifications.counters where unread = 1 and user_id::text
    like '01900000-0000-7000-9000-%'"), $N, 'counted once each';

done_testing;
