# The harness: `use Pando;` brings Test::More, strict and warnings, and
#
#   my $p = Pando->new(domains => ['categories'], workers => 2);
#   my $r = $p->post('/api/v1/categories', { name => 'Books' },
#                    token => { scope => 'categories:write' });
#   is $r->{status}, 201;
#   done_testing;
#
# Each file has a database and a directory (build/t/<file>/) of its own; a
# port is claimed, not fixed.  done_testing adds what every file asserts: no
# alert in the error log, no report of a sanitizer, no worker that died.
# A file that was not started by `make test` starts itself again under t/run.

package Pando;

use strict;
use warnings;

use Cwd qw(abs_path);
use DBI;
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use File::Spec;
use IO::Socket::INET;
use List::Util qw(min);
use Test::More ();
use Time::HiRes qw(time sleep);

use Pando::Client;
use Pando::Server;
use Pando::Token;

our @ISA   = 'Pando::Client';
our $ROOT  = abs_path(dirname(__FILE__) . '/../..');
our $BUILD = File::Spec->rel2abs($ENV{BUILD} // 'build', $ROOT);


# The kind of build, and how much longer things may take with it.
our $KIND = basename($BUILD);
our $SLOW = { valgrind => 20, asan => 4 }->{$KIND} // 1;

my ($FILE) = abs_path($0) =~ m{^\Q$ROOT\E/t/(.+)\.t$};
($FILE //= 'none') =~ s/\W/_/g;

my (@ALL, @LIVE, $CHECKED);     # servers of this file; those that run


sub import
{
    my ($class, %opt) = @_;

    strict->import;
    warnings->import;

    if (!$ENV{PANDO_TEST_PG} && !$opt{alone}) {
        exec "$ROOT/t/run", $^X, "-I$ROOT/t/lib", $0, @ARGV
            or die "t/run: $!\n";
    }

    no strict 'refs';
    no warnings 'redefine';

    my $to = caller;
    Test::More->export_to_level(1, $class);
    *{"${to}::done_testing"} = \&done_testing;
    $| = 1;
}


# Settings: domains (default: the one whose tests these are), workers,
# main/http/server (directives to add), database (a conninfo; the file's own
# by default), redis (a socket), keys (algorithms of the token keys), conf (a
# whole nginx.conf instead, with PORT, DIR and MODULES put in), start => 0.
sub new
{
    my ($class, %set) = @_;
    my ($folder) = abs_path($0) =~ m{^\Q$ROOT\E/t/([a-z_]+)/};
    my $p = bless { workers => 1, keys => ['HS256'], start => 1, expect => [],
        domains => -d "$ROOT/modules/" . ($folder // 'none') ? [$folder] : [],
        redis => $ENV{PANDO_TEST_REDIS}, %set }, $class;

    $p->{dir} = "$BUILD/t/$FILE/" . (@ALL + 1);
    $p->sweep unless @ALL;
    make_path(map { "$p->{dir}/$_" } qw(tmp reports));
    push @ALL, $p;

    ($p->{port}, $p->{claim}) = port();
    $p->{database} //= database();
    $p->{tokens} = Pando::Token->new($p->{dir}, @{ $p->{keys} });
    $p->configure;
    $p->start if $p->{start};

    return $p;
}


# What the last run of this file left, which may have been killed.
sub sweep
{
    my ($p) = @_;
    my $home = dirname($p->{dir});

    for my $path (glob "$home/*/nginx.pid") {
        my $old = bless { dir => dirname($path) };
        my $pid = $old->pid // next;
        open my $in, '<', "/proc/$pid/cmdline" or next;
        kill 'KILL', children($pid), $pid
            if (<$in> // '') =~ /\Q$old->{dir}\E/;
    }

    remove_tree($home);
}


# A port is claimed by holding the UDP port of that number: the kernel sees to
# it that nobody else does, and that the claim ends with the process.
sub port
{
    for (1 .. 1000) {
        my $port = 20000 + int rand 12000;
        my %at = (LocalAddr => '127.0.0.1', LocalPort => $port);
        my $claim = IO::Socket::INET->new(%at, Proto => 'udp') or next;
        my $free = IO::Socket::INET->new(%at, Listen => 1) or next;
        close $free;
        return ($port, $claim);
    }

    die "no port is free\n";
}


# The file's database, created at the first call as a copy of the template.
my $DATABASE;

sub database
{
    return $DATABASE if $DATABASE;

    my $name = "t_${FILE}_$$";
    my $db = DBI->connect("dbi:Pg:$ENV{PANDO_TEST_PG} dbname=postgres", '', '',
                          { RaiseError => 1, PrintError => 0 });

    $db->do("create database \"$name\" template pando_template");
    return $DATABASE = "$ENV{PANDO_TEST_PG} dbname=$name";
}


# Configuration

sub configure
{
    my ($p, %set) = @_;
    @$p{keys %set} = values %set;

    $p->write('secret', 'a secret of thirty-two characters');

    my $conf = $p->{conf} // $p->default_conf;
    my $load = join "\n", map { "load_module $BUILD/modules/$_;" }
        'ngx_http_pando_module.so',
        map { "ngx_http_pando_${_}_module.so" } @{ $p->{domains} };

    $conf =~ s/\bPORT\b/$p->{port}/g;
    $conf =~ s/\bDIR\b/$p->{dir}/g;
    $conf =~ s/\bMODULES\b/$load/g;

    $p->write('nginx.conf', $conf);
}


sub default_conf
{
    my ($p) = @_;
    my $user = $> == 0 ? 'user root;' : '';
    my $level = $ENV{PANDO_DEBUG} ? 'debug' : 'info';
    my ($main, $http, $server) = map { $_ // '' } @$p{qw(main http server)};
    my $domains = join "\n", map { snippet($_) } @{ $p->{domains} };
    my $redis = $p->{redis} && knows('pando_redis')
        ? "pando_redis default unix:$p->{redis}" . ours($p->{redis}) . ';' : '';

    return <<"END";
MODULES
$user
worker_processes  $p->{workers};
pid               DIR/nginx.pid;
error_log         DIR/error.log $level;
thread_pool       default threads=4 max_queue=1024;
env               ASAN_OPTIONS;
env               UBSAN_OPTIONS;
$main

events {
    worker_connections  1024;
}

http {
    access_log             DIR/access.log;
    client_body_temp_path  DIR/tmp/body;
    proxy_temp_path        DIR/tmp/proxy;
    fastcgi_temp_path      DIR/tmp/fastcgi;
    uwsgi_temp_path        DIR/tmp/uwsgi;
    scgi_temp_path         DIR/tmp/scgi;
    request_pool_size      6k;

    pando_database         default "$p->{database}";
    pando_secret           DIR/secret;
    pando_verify_replies   on;
    pando_issuer           $Pando::Token::ISSUER
                           audience=$Pando::Token::AUDIENCE keys=DIR/keys.json;
    $redis
    $http

    server {
        listen  127.0.0.1:PORT;
        $domains
        $server
    }
}
END
}


sub knows
{
    my ($directive) = @_;
    return system("grep -q '\"$directive\"' $ROOT/lua-free-handlers/*.c") == 0;
}


# The locations of a domain, as they are shipped; a domain of the tests has
# its own file or the usual one.
sub snippet
{
    my ($name) = @_;

    for my $path ("$ROOT/conf/domains/$name.conf",
                  "$ROOT/t/root/domains/$name/$name.conf")
    {
        return "include $path;" if -f $path;
    }

    (my $path = $name) =~ tr/_/-/;
    return "location /api/v1/$path { pando_$name; }\n"
         . "location /api/$path { pando_$name; }";
}


sub write
{
    my ($p, $name, $text) = @_;

    open my $out, '>', "$p->{dir}/$name" or die "$p->{dir}/$name: $!\n";
    print $out $text;
    close $out or die "$p->{dir}/$name: $!\n";
    return "$p->{dir}/$name";
}


# nginx

sub command
{
    my ($p) = @_;
    my ($nginx) = grep { -x } "$BUILD/nginx/objs/nginx", '/usr/sbin/nginx',
        '/usr/local/nginx/sbin/nginx';

    die "nginx is not installed\n" unless $nginx;

    return ($KIND eq 'valgrind'
            ? ('valgrind', '-q', '--error-exitcode=0', '--track-fds=no',
               "--suppressions=$ROOT/t/lib/valgrind.supp",
               "--log-file=$p->{dir}/reports/valgrind.%p")
            : (), $nginx, '-p', "$p->{dir}/", '-c', 'nginx.conf',
            '-e', "$p->{dir}/error.log");
}


sub run
{
    my ($p, @args) = @_;
    my $common = "log_path=$p->{dir}/reports/sanitizer:print_stacktrace=1";

    local $ENV{ASAN_OPTIONS} = "$common:detect_leaks=0"
        . ':detect_odr_violation=0:detect_stack_use_after_return=0';
    local $ENV{UBSAN_OPTIONS} = "$common:suppressions=$ROOT/t/lib/ubsan.supp";

    exec $p->command, @args or die "nginx: $!\n";
}


# nginx -t: what it says, and in list context whether it was content
sub check
{
    my ($p) = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";

    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        $p->run('-t');
    }

    my $said = do { local $/; <$out> };
    close $out;
    return wantarray ? ($said, $? == 0) : $said;
}


# It leaves the test's own process tree: nginx takes USR2 only so.
sub start
{
    my ($p) = @_;
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        $p->run;
    }

    waitpid $pid, 0;
    die "nginx did not start:\n" . $p->log if $?;

    push @LIVE, $p;
    $p->wait_for(sub { $p->worker_pids }, 30)
        or die "nginx does not work:\n" . $p->log;
    return $p;
}


# Nodes that share a Redis' database void what each other keeps: of the run's
# own server each file has one for itself.
sub ours
{
    my ($socket) = @_;

    return $socket eq ($ENV{PANDO_TEST_REDIS} // '')
        ? ' db=' . (1 + $$ % 4000) : '';
}


sub pid
{
    my ($p) = @_;

    open my $in, '<', "$p->{dir}/nginx.pid" or return;
    my ($pid) = (<$in> // '') =~ /(\d+)/;
    return $pid;
}


# The workers of a master that are not on their way out.
sub worker_pids
{
    my ($p, $master) = @_;
    my @pids;

    $master //= $p->pid // return;

    for my $pid (children($master)) {
        open my $in, '<', "/proc/$pid/cmdline" or next;
        my $title = do { local $/; <$in> } // '';
        push @pids, $pid
            if $KIND eq 'valgrind' || $title =~ /worker process(?! is)/;
    }

    @pids = sort { $a <=> $b } @pids;
    return @pids;
}


sub children
{
    my ($parent) = @_;
    my @pids;

    for my $path (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $path or next;
        my $line = <$in> // next;
        my ($pid, $state, $of) = $line =~ /^(\d+) \(.*\) (\w) (\d+)/ or next;
        push @pids, $pid if $of == $parent && $state ne 'Z';
    }

    return @pids;
}


sub signal
{
    my ($p, $signal) = @_;
    kill $signal, $p->pid // die "nginx does not run\n";
}


# Waits until none of the workers of before takes requests any more.
sub reload
{
    my ($p) = @_;
    my %old = map { $_ => 1 } $p->worker_pids;

    $p->signal('HUP');

    return $p->wait_for(sub {
        my @now = $p->worker_pids;
        @now >= $p->{workers} && !grep { $old{$_} } @now;
    }, 30) || die "no new workers:\n" . $p->log;
}


# A new binary takes over the sockets; the old one drains.
sub upgrade
{
    my ($p) = @_;
    my $old = $p->pid;

    kill 'USR2', $old;
    $p->wait_for(sub { ($p->pid // $old) != $old && $p->worker_pids }, 30)
        or die "no new master:\n" . $p->log;
    kill 'QUIT', $old;
    return $p->wait_for(sub { ended($old) }, 60)
        || die "the old master stays:\n" . $p->log;
}


sub kill_worker
{
    my ($p, $signal, $pid) = @_;

    ($pid) = $p->worker_pids unless $pid;
    push @{ $p->{expect} },
        qr/worker process $pid exited on signal|no live upstreams/;
    kill $signal // 'KILL', $pid;

    return $p->wait_for(sub {
        my @now = $p->worker_pids;
        @now >= $p->{workers} && !grep { $_ == $pid } @now;
    }, 30) || die "no worker for $pid:\n" . $p->log;
}


sub stop
{
    my ($p, $signal) = @_;
    my $pid = $p->pid;

    @LIVE = grep { $_ != $p } @LIVE;
    return unless $pid && !ended($pid);
    kill $signal // 'QUIT', $pid;

    if (!$p->wait_for(sub { ended($pid) }, 30)) {
        kill 'KILL', children($pid), $pid;
        Test::More::fail('nginx stops when it is asked to');
    }

    return $p;
}


sub ended
{
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/stat" or return 1;
    return (<$in> // '') =~ /\) [ZX] / ? 1 : 0;
}


# Polls until it is true, at most that many seconds; returns its last value.
sub wait_for
{
    my ($p, $sub, $seconds) = @_;
    my $until = time + ($seconds // 30) * $SLOW;

    while (1) {
        my $value = $sub->();
        return $value if $value || time > $until;
        sleep 0.01;
    }
}


# Logs

sub log
{
    my ($p, $name) = @_;

    open my $in, '<', "$p->{dir}/" . ($name // 'error.log') or return '';
    local $/;
    return <$in> // '';
}


# Lines of level alert and above that this test means to provoke.
sub expect
{
    my ($p, @patterns) = @_;
    push @{ $p->{expect} }, @patterns;
}


# The database

sub db
{
    my ($p) = @_;

    return $p->{db} //= DBI->connect("dbi:Pg:$p->{database}", '', '',
        { RaiseError => 1, PrintError => 0, pg_enable_utf8 => 1 });
}


# Rows, as lists, in list context; else the first row's first column.
sub sql
{
    my ($p, $text, @bind) = @_;
    my $st = $p->db->prepare($text);

    $st->execute(@bind);
    return unless $st->{NUM_OF_FIELDS};

    my $rows = $st->fetchall_arrayref;
    return wantarray ? @$rows : $rows->[0] && $rows->[0][0];
}


# The end

sub trouble
{
    my ($p) = @_;
    my $bad = qr/\[(?:alert|emerg|crit)\]|runtime error: |ERROR: \w+Sanitizer/;
    my @lines = grep { /$bad/ } split /\n/, $p->log;

    for my $known (@{ $p->{expect} }) {
        @lines = grep { !/$known/ } @lines;
    }

    for my $path (grep { -s } glob "$p->{dir}/reports/*") {
        my @report = split /\n/, $p->log("reports/" . basename($path));
        push @lines, "$path:", @report[0 .. min($#report, 40)];
    }

    return @lines;
}


sub done_testing
{
    $_->stop for my @all = @LIVE;

    my @trouble = map { trouble($_) } @ALL;

    Test::More::ok(!@trouble, 'no alert, no report, no worker that died')
        or Test::More::diag(join "\n", @trouble[0 .. min($#trouble, 60)]);
    $CHECKED = 1;
    Test::More::done_testing(@_);
}


END {
    my $status = $?;

    eval { $_->stop } for my @all = @LIVE;

    if (!$CHECKED && (my @trouble = map { trouble($_) } @ALL)) {
        print STDERR map { "# $_\n" } @trouble;
        $status ||= 1;
    }

    $? = $status;
}

1;
