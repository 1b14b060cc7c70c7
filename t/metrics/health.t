# Metrics, watched by health: it says so when nothing comes in, and when rules
# are not looked at.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;

my $t = Gauge->new(domains => [qw(health metrics)]);
my $p = $t->{p};
my %admin = (token => { scope => 'health:admin' });
my $check = $p->post('/api/v1/health-checks', { name => 'metrics', component => 'metrics',
    kind => 'module', target => { module => 'metrics' } }, %admin)->json;

sub asked { $p->post("/api/v1/health-checks/$check->{id}/run", undef, %admin)->json }

ok $p->wait_for(sub { asked()->{outcome} eq 'pass' }), 'metrics is well';
like asked()->{detail}, qr/^the last sample is \d+ s old, 0 rules are late$/;

my $rule = $t->rule(measure => 'p95', comparison => '>', threshold => 200);
my $other = DBI->connect("dbi:Pg:$p->{database}", '', '', { RaiseError => 1 });

$other->begin_work;
$other->do('SELECT FROM metrics.rules WHERE id = ? FOR UPDATE', {}, $rule->{id});
ok $p->wait_for(sub { asked()->{outcome} eq 'warn' }, 20), 'a rule that is held is late';
like asked()->{detail}, qr/1 rules are late/;
$other->rollback;
ok $p->wait_for(sub { asked()->{outcome} eq 'pass' }), 'and then it is not';

my $http = $p->{http};

$p->configure(http => $http =~ s/sample_seconds 1;/sample_seconds 60;/r);
$p->reload;
ok $p->wait_for(sub {                   # the first sample of a minute may still come
    $p->sql("UPDATE metrics.lives SET seen_at = now() - interval '3 minutes'");
    asked()->{outcome} eq 'fail' }, 30), 'where none comes it fails' or diag asked()->{detail};
$p->configure(http => $http);
$p->reload;
ok $p->wait_for(sub { asked()->{outcome} eq 'pass' }, 30), 'until they come';

done_testing;
