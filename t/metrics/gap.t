# The database away from one minute to the next: each minute has its own
# afterwards, as if nothing had been.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Pando::Server;
use Gauge;

my $pg = Pando::Server->postgres;
my $t = Gauge->new(database => $pg->conninfo, workers => 2);
my $p = $t->{p};
my $away = "service = 'nginx' AND method = 'DELETE'";

sub asked { $p->delete('/nowhere') for 1 .. $_[0] }
sub second { time % 60 }

asked(1);
ok $p->wait_for(sub { $t->counted('minutes', $away) == 1 }, 30), 'all is well';
delete($p->{db})->disconnect;

# a sample is taken each second, so what is asked now is of this minute
$p->wait_for(sub { second() >= 40 && second() < 50 }, 61);
$pg->stop('immediate');

my $minute = int(time / 60);
asked(20);
ok $p->wait_for(sub { int(time / 60) > $minute && second() >= 2 }, 61), 'a minute goes by';
asked(30);
is $t->get('/performance')->{status}, 503, 'with nobody to tell it to';
$pg->start;

ok $p->wait_for(sub { $t->counted('minutes', $away) == 51 }, 30), 'afterwards all is there';

my %at = map { @$_ } $p->sql("SELECT extract(epoch FROM at)::bigint / 60,
        sum(metrics.requests(counts)) FROM metrics.minutes JOIN metrics.routes ON id = route_id
    WHERE $away GROUP BY at");

is $at{ $minute + 1 }, 30, 'what was asked in the second minute is of the second';
cmp_ok $at{$minute}, '>=', 20, 'and what was asked in the first of the first';

done_testing;
