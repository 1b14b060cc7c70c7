# The demo's dashboard and rules: they can be put there twice, and work.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;

my $t = Gauge->new;
my $p = $t->{p};

for my $time (qw(once twice)) {
    is system('psql', '-qX1', '-v', 'ON_ERROR_STOP=1', '-v', "tenant=$Pando::Token::TENANT",
        '-v', "user=$Gauge::NOBODY", '-d', $p->{database},
        '-f', "$Pando::ROOT/sql/metrics/demo.sql"), 0, $time;
}

my $boards = $t->get('/metric-dashboards')->json->{data};
is_deeply [ map { $_->{slug} } @$boards ], ['overview'], 'a dashboard';
is $t->get("/metric-dashboards/$boards->[0]{id}/data")->{status}, 200, 'that shows something';

my $rules = $t->get('/alert-rules')->json->{data};
is_deeply [ map { $_->{name} } @$rules ], [qw(ErrorsPage ErrorsTicket SlowRoute)], 'rules';

$t->history('shop', 'GET', '/r', 0 => [ 500, 0, 500 ]);
$p->sql("UPDATE metrics.rules SET due_at = now()");
ok $t->alert($_, 'firing', 20), "$_->{name} fires where half of all fail" for @$rules[0, 1];

done_testing;
