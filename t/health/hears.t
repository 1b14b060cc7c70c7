# What health learns from the events of others: instances, circuits, backups
# and certificates; each once, and of whose they are.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Ward;

my $t = Ward->new(workers => 2, http => "pando_set health.tenant $Pando::Token::TENANT;");
my $p = $t->{p};
my $theirs = '0190a1b2-0000-7000-8000-00000000000b';
my ($one, $two) = map { "0190a1b2-0000-7000-8000-00000000010$_" } 1, 2;

sub emits
{
    my ($type, $data, %set) = @_;
    $p->sql('select pando.emit(?, ?, 1, ?, ?::jsonb)', $set{tenant}, $type, $set{subject},
            JSON::PP::encode_json($data));
}

# Component => status, when it is as it should be.
sub becomes
{
    my ($component, $status, $name, @opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $is = '';

    $p->wait_for(sub { $is = ($t->states(@opt)->{$component} // ['gone'])->[0]; $is eq $status },
                 30);
    is $is, $status, $name // "$component: $status";
}

emits('backup.failed', { target => 'all' });
becomes(backup => 'partial_outage', 'a backup has failed');
emits('certificate.expiring', { host => 'www.example.com', not_after => '2027-01-01T00:00:00Z' });
becomes(certificates => 'degraded', 'a certificate is about to end');

emits('circuit.opened', { service => 'Pay API' });
becomes('pay-api' => 'partial_outage', 'nobody is called any more');
emits('circuit.closed', { service => 'Pay API' });
becomes('pay-api' => 'operational', 'and again');

emits('instance.status_changed', { service => 'search', status => 'critical' }, subject => $one);
emits('instance.status_changed', { service => 'search', status => 'passing' }, subject => $two);
becomes(search => 'partial_outage', 'one of two instances fails');
emits('instance.status_changed', { service => 'search', status => 'warning' }, subject => $one);
becomes(search => 'degraded');
emits('instance.status_changed', { service => 'search', status => 'passing' }, subject => $one);
becomes(search => 'operational');
emits('service.mass_failure', { service => 'search' });
becomes(search => 'partial_outage', 'all of them at once');

emits('instance.status_changed', { service => 'mail', status => 'critical' }, subject => $two);
becomes(mail => 'partial_outage');
emits('instance.deregistered', { service => 'mail' }, subject => $two);
becomes(mail => 'gone', 'what is no more does not fail');

emits('backup.failed', {}, tenant => $theirs);
becomes(backup => 'partial_outage', 'that of another tenant is its own',
        token => { scope => 'health:read', tid => $theirs });
is_deeply [ keys %{ $t->states(token => { scope => 'health:read', tid => $theirs }) } ],
    ['backup'];

emits('circuit.opened', { nothing => 1 });
emits('circuit.opened', []);
emits('instance.status_changed', { service => '!!!', status => 7 }, subject => $one);
becomes(unnamed => 'degraded', 'what says nothing of use stops nobody');

$t->told('component.status_changed');
emits('backup.failed', {}) for 1 .. 5;
emits('circuit.opened', { service => 'last' });
becomes(last => 'partial_outage');
is_deeply [ map { $_->{component} } $t->told('component.status_changed') ], ['last'],
    'five times the same is no news';

done_testing;
