# Sixteen workers under load, two reloads and a SIGKILL: what clients were
# answered is what is counted and what is in the history, but for requests
# that never had an answer.  PANDO_REQUESTS asks for more of them.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;
use IO::Socket::INET;
use POSIX ();

my $t = Gauge->new(workers => 16);
my $p = $t->{p};
my $N = $ENV{PANDO_REQUESTS} // 40_000;
my $CLIENTS = 8;
my $mine = "service = 'nginx' AND method = 'PUT'";
my $message = "PUT /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";

# A client goes on until it has its answers; says how many requests had none.
sub client
{
    my ($n) = @_;
    my ($s, $lost) = (undef, 0);

    while ($n) {
        $s //= IO::Socket::INET->new(PeerAddr => "127.0.0.1:$p->{port}") or next;
        my ($got, $length) = ('', undef);

        if (!syswrite $s, $message) {
            undef $s;
            $lost++;
            next;
        }

        while (sysread $s, $got, 65536, length $got) {
            my ($head) = $got =~ /^(.*?\r\n\r\n)/s or next;
            my ($body) = $head =~ /^Content-Length: (\d+)/mi;

            $length = length($head) + ($body // 0);
            last if length $got >= $length;
        }

        if ($length && length $got >= $length) {
            $n--;
            undef $s if $got =~ /^Connection: close/mi;
        } else {
            undef $s;
            $lost++;
        }
    }

    return $lost;
}

$SIG{PIPE} = 'IGNORE';
$p->db->{AutoInactiveDestroy} = 1;

my @clients = map {
    pipe my $from, my $to or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        syswrite $to, client($N / $CLIENTS) . "\n";
        POSIX::_exit(0);
    }
    [ $pid, $from ];
} 1 .. $CLIENTS;

sub counted
{
    my $n = 0;
    $n += $_ for $p->get('/metrics')->{body}
        =~ /^http_server_request_duration_seconds_count\{[^}]*method="PUT"[^}]*\} (\d+)/gm;
    return $n;
}

my ($most, $back) = (0, 0);

sub reached
{
    my ($share) = @_;

    return $p->wait_for(sub {
        my $now = counted();
        $back++ if $now < $most;
        $most = $now;
        $now >= $share * $N;
    }, 60 + $N / 1000);
}

ok reached(0.2), 'under load';
$p->reload;
ok reached(0.4), 'a reload';
$p->kill_worker('KILL', ($p->worker_pids)[3]);
ok reached(0.6), 'a death';
$p->reload;

my $lost = 0;

for (@clients) {
    my ($pid, $from) = @$_;
    waitpid $pid, 0;
    $lost += readline($from) // die "a client died\n";
}

my $total = counted();
note "$N answers, $lost requests without one, $total counted";
cmp_ok $total, '>=', $N - $CLIENTS, 'all are counted but those in the hand of who died';
cmp_ok $total, '<=', $N + $lost, 'and none twice';
is $back, 0, 'and no count ever went back';
ok $p->wait_for(sub { $t->counted('minutes', $mine) == $total }, 30), 'the history has the same'
    or diag scalar $t->counted('minutes', $mine);
is $t->counted($_, $mine), $total, "in $_, too" for qw(hours days);
is scalar $p->sql("SELECT count(*) FROM metrics.minutes WHERE 0 > ANY (counts)"), 0,
    'and no minute has less than nothing';

done_testing;
