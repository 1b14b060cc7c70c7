# What every file asserts silently, shown to fail: an alert in the error log,
# a worker that died, a report of a sanitizer.  And that the harness's own
# clients and servers do what the tests lean on.

use Pando;

my $p = Pando->new(domains => [], workers => 2, server => <<'END');
location = /ok { return 200 "yes"; }
END

is scalar($p->trouble), 0, 'a server that runs well has no trouble';

my @replies = $p->parallel(map { [ GET => '/ok' ] } 1 .. 50);
is scalar(grep { $_->{body} eq 'yes' } @replies), 50, 'parallel requests';

like $p->raw("GET /ok HTTP/1.0\r\n\r\n"), qr/ 200 OK\r\n.*yes$/s, 'raw bytes';

my ($victim) = $p->worker_pids;
kill 'ABRT', $victim;
ok $p->wait_for(sub { $p->trouble }), 'a worker that dies is trouble';
like join("\n", $p->trouble), qr/worker process $victim exited on signal 6/,
    'and it is said which';

$p->expect(qr/$victim exited on signal/);
is scalar($p->trouble), 0, 'unless it was expected';

$p->kill_worker;
is scalar($p->trouble), 0, 'as it is when the test kills one';

$p->write('reports/asan.1', "ERROR: AddressSanitizer: planted\n");
like join("\n", $p->trouble), qr/AddressSanitizer: planted/,
    'a report is trouble';
unlink "$p->{dir}/reports/asan.1";

my $q = Pando->new(domains => [], start => 0, http => 'pando_secret;');
$q->write('error.log', "x.c:1:2: runtime error: planted\n");
like join("\n", $q->trouble), qr/planted/, 'and so is one on stderr';
unlink "$q->{dir}/error.log";

my @before = $p->worker_pids;
ok $p->reload, 'reload';
my %before = map { $_ => 1 } @before;
is scalar(grep { $before{$_} } $p->worker_pids), 0, 'brings new workers';

my $master = $p->pid;
ok $p->upgrade, 'upgrade';
isnt $p->pid, $master, 'brings a new master';
is $p->get('/ok')->{status}, 200, 'which serves';

my ($said, $content) = $q->check;
ok !$content, 'a wrong setting is refused';
like $said, qr/nginx\.conf:\d+/, 'with file and line';
$q->expect(qr/number of arguments/);

isnt $q->{port}, $p->{port}, 'a server has a port of its own';

my ($name) = Pando->database =~ /dbname=(\w+)/;
is $p->sql('select current_database()'), $name, 'the file has a database';
is $p->sql('select count(*) from pando.outbox'), 0, 'which is migrated';

my $redis = Pando::Server->redis;
is qx(redis-cli -s @{[ $redis->socket ]} ping), "PONG\n", 'a Redis of its own';
$redis->kill;
unlike qx(redis-cli -s @{[ $redis->socket ]} ping 2>&1), qr/PONG/, 'is killed';
$redis->start;
is qx(redis-cli -s @{[ $redis->socket ]} ping), "PONG\n", 'and comes back';

done_testing;
