# The database away for more than an hour: each minute of the last hour has its
# own afterwards, as if nothing had been, and what was counted before comes with
# the first of them.  The hour passes by the clock of the server, which the test
# moves.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Pando::Server;
use Clock;
use Gauge;

plan skip_all => 'a sanitizer is loaded before all else' if $Pando::SLOW > 1;

my $begin = int(time / 60) - 240;       # minutes: all of it is past
my $clock = Clock->new;
$clock->to(60 * $begin + 5);

my $pg = Pando::Server->postgres;
my $t = $clock->with(sub { Gauge->new(database => $pg->conninfo, workers => 2) });
my $p = $t->{p};
my $away = "service = 'nginx' AND method = 'DELETE'";
my $now = $begin;
my $all = 0;

sub asked { $p->delete('/nowhere') for 1 .. $_[0]; $all += $_[0] }
sub kept { $p->wait_for(sub { $t->counted('minutes', $away) >= $all }, 60) }
sub looks { my $n = () = $p->log =~ /metrics\.sample ended early/g; $n }

# minute => requests, from the beginning
sub history
{
    return { map { $_->[0] - $begin => $_->[1] } $p->sql("SELECT
            extract(epoch FROM at)::bigint / 60, sum(metrics.requests(counts))
        FROM metrics.minutes JOIN metrics.routes ON id = route_id WHERE $away GROUP BY at") };
}

# The next minute, with so many requests that are seen in it: a look that
# began after them has ended when two more have.
sub minute
{
    my ($n) = @_;

    $clock->to(60 * ++$now + 5);
    asked($n);

    my $looks = looks();
    $p->wait_for(sub { looks() >= $looks + 2 }, 30) or die "nobody looks\n";
}

asked(3);
ok kept(), 'all is well';
delete($p->{db})->disconnect;
$pg->stop('immediate');

my %want = (0 => 3);
my $long = 63;

for my $k (1 .. $long) {
    minute(1 + $k % 4);
    $want{$k} = 1 + $k % 4;
}

$pg->start;
ok kept(), 'afterwards all is there';

# the last 61 minutes are kept, and with the first of them come those before
$want{3} += delete($want{1}) + delete $want{2};
is_deeply history(), \%want, 'each in its minute';
is $t->counted('hours', $away), $all, 'the hours have it, too';

done_testing;
