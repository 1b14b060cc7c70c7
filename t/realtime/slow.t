# Who does not read: closed with 4008, and back where it was; nobody else waits
# for it, and a worker's memory is bounded however many there are of them.

use FindBin;
use lib $FindBin::Bin;

use Pando;
use Pando::Server;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Talk;
use Time::HiRes qw(time);

my $redis = Pando::Server->redis;
my $p = Pando->new(workers => 2, redis => $redis->socket, start => 0,
    http => 'pando_set realtime.connections 1000; client_body_buffer_size 128k;');

$p->configure(conf => $p->default_conf =~ s/(listen  127\.0\.0\.1:PORT)/$1 sndbuf=16k/r);
$p->start;

my %as = (token => $p->token(scope => 'realtime:write'));
my $sent = 0;

sub publish
{
    my ($n, $size) = @_;
    my @r = $p->parallel(map { [ POST => '/api/v1/realtime/publish', body =>
        { channel => 'room:all', data => 'x' x $size }, %as ] } 1 .. $n);

    is_deeply [ grep { $_->{status} != 200 } @r ], [], "$n are published";
    $sent += $n;
}

sub joined
{
    my ($slow, @with) = @_;
    my $t = Talk->new($p, %as);
    setsockopt $t->{socket}, SOL_SOCKET, SO_RCVBUF, pack 'l', 4096 if $slow;
    my $r = $t->ask('subscribe', channel => 'room:all', @with);
    is $r->{type}, 'reply';
    $t->{in_epoch} = $r->{epoch};
    return wantarray ? ($t, $r) : $t;
}

# Of all workers, in KiB.
sub rss
{
    my $kb = 0;

    for my $pid ($p->worker_pids) {
        open my $in, '<', "/proc/$pid/status" or next;
        local $/;
        $kb += $1 if <$in> =~ /^VmRSS:\s+(\d+)/m;
    }

    return $kb;
}

my @fast = map { scalar joined(0) } 1 .. 3;
my @slow = map { scalar joined(1) } 1 .. 5;
my $before = rss();
my $began = time;

# A first few that anybody gets, then more than a queue holds
publish(3, 1000);
is_deeply [ $_->offsets(3) ], [ 1 .. 3 ], 'everybody gets them' for @fast;

for my $round (0 .. 5) {
    publish(5, 60_000);
    my @want = map { 4 + 5 * $round + $_ } 0 .. 4;
    is_deeply [ $_->offsets(5) ], \@want, 'who reads gets all of it in order' for @fast;
}

note sprintf '%.2f s for all of the fast ones', time - $began;

my %codes;
my $behind = 0;

for (@slow) {
    my @seen;

    while (my $m = $_->told) {
        push @seen, $m->{offset};
    }

    $codes{ $_->{code} // 'gone' }++;
    is "@seen", join(' ', 1 .. @seen), 'what it got is in order';
    $behind++ if @seen < 33;
    is $_->ask('ping')->{type}, 'reply', 'the others are still there' for @fast;
}

is $behind, 5, 'who does not read does not get all';
is_deeply [ grep { !/^(?:4008|gone)$/ } keys %codes ], [], 'it is closed for being slow, or gone';
note explain \%codes;
cmp_ok rss() - $before, '<', 65536, 'the workers have not grown by 64 MiB';
note 'grown by ', rss() - $before, ' KiB';


# It comes back: with a short way to go it is all recovered

publish(3, 1000);
is_deeply [ $fast[0]->offsets(3) ], [ 34 .. 36 ], 'there is more';
my ($back, $r) = joined(0, epoch => $slow[0]{in_epoch}, offset => 33);
ok $r->{recovered}, 'who is back goes on';
is_deeply [ $back->offsets(3) ], [ 34 .. 36 ], 'from where it was';
($back, $r) = joined(0, epoch => $slow[0]{in_epoch}, offset => 1);
ok !$r->{recovered}, 'and is told where it is too far behind';

done_testing;
