# What the benchmark plays on: servers and rows of its own.
#
# PostgreSQL keeps its data in build/bench/pg from run to run, since five
# million rows are made but once; the databases that are written to are made
# anew.  Redis, nginx and the peers live as long as the run.  All listen on
# unix sockets and the loopback address alone.

package Stage;

use strict;
use warnings;

use DBI;
use File::Basename qw(dirname);
use File::Path qw(make_path);

use Load;
use Peers;

# Rows of probe.probes in each database.
my %PROBES = (small => 10_000, write => 0, jobs => 0, large => 5_000_000);
my $IDS = 8;                    # of the rows that are read one by one


sub new
{
    my ($class, $dir) = @_;
    return bless { dir => $dir, nginx => {}, owner => $$,
                   peers => Peers->new($dir) }, $class;
}


# As in production but for the size of the machine; checkpoints are kept out
# of the rounds, which are too short to hold a fair share of one.
sub open
{
    my ($s) = @_;

    make_path($s->{dir});
    CORE::open $s->{lock}, '>', "$s->{dir}/lock" or die "$s->{dir}/lock: $!\n";
    flock $s->{lock}, 2 | 4 or die "bench: it runs already\n";

    $s->servers(postgres => 'stop', 'pg', 'immediate');
    $s->servers(postgres => 'start', 'pg', qw(fsync=on synchronous_commit=on
        shared_buffers=1GB max_connections=300 max_wal_size=8GB
        checkpoint_timeout=1h));
    $s->servers(redis => 'start', 'redis');
    $s->{pg} = readlink("$s->{dir}/pg") // "$s->{dir}/pg";
}


sub servers
{
    my ($s, $what, $verb, $name, @more) = @_;

    system("$Pando::ROOT/conf/servers", $what, $verb, "$s->{dir}/$name",
           @more) == 0 or die "bench: $what does not $verb\n";
}


sub close
{
    my ($s) = @_;

    return if !$s->{lock} || $s->{owner} != $$;
    $s->{peers}->end;
    $_->stop for values %{ $s->{nginx} };
    $_->disconnect for values %{ $s->{db} };
    @$s{qw(nginx db)} = ({}, {});
    eval { $s->servers(redis => 'stop', 'redis') };
    eval { $s->servers(postgres => 'stop', 'pg', 'fast') };
    delete $s->{lock};
}


sub DESTROY
{
    my ($s) = @_;
    local ($?, $@);

    eval { $s->close };
}


# Databases

sub conninfo
{
    my ($s, $db) = @_;
    return "host=$s->{pg} user=pando dbname=$db";
}


# The first row's first column.
sub sql
{
    my ($s, $db, $text, @bind) = @_;

    $s->{db}{$db} //= DBI->connect('dbi:Pg:' . $s->conninfo($db), '', '',
        { RaiseError => 1, PrintError => 0, pg_enable_utf8 => 1 });

    my $st = $s->{db}{$db}->prepare($text);
    $st->execute(@bind);
    return $st->{NUM_OF_FIELDS} ? ($st->fetchrow_array)[0] : undef;
}


# A migrated database with its probes.  The large one stays while the steps
# that made it do.
sub database
{
    my ($s, $db) = @_;

    return if $s->{ready}{$db}++;

    my $exists = $s->sql('postgres',
        'select 1 from pg_database where datname = ?', $db);

    return if $db eq 'large' && $exists && $s->sound($db);

    print STDERR "bench: $PROBES{$db} rows for the database $db ...\n"
        if $PROBES{$db};
    $s->sql('postgres', "drop database $db with (force)") if $exists;
    $s->sql('postgres', "create database $db");
    $s->migrate($db, 'up') or die "bench: the migrations failed\n";
    $s->probes_made($db);
    $s->sql($db, "comment on database $db is 'complete'");
    $s->sql('postgres', 'checkpoint');
}


sub sound
{
    my ($s, $db) = @_;

    return $s->migrate($db, 'verify') && 'complete' eq ($s->sql($db,
        "select shobj_description(oid, 'pg_database') from pg_database"
        . ' where datname = current_database()') // '');
}


sub migrate
{
    my ($s, $db, $verb) = @_;
    local $ENV{PANDO_SQL} = "$Pando::BUILD/nginx/objs/pando/sql";

    return system('sh', '-c', 'exec "$@" >"$0" 2>&1', "$s->{dir}/migrate.log",
        "$Pando::ROOT/sql/migrate", $s->conninfo($db), $verb) == 0;
}


# Ids can be told from their number; their order is that of created_at.
sub probes_made
{
    my ($s, $db) = @_;

    $s->sql($db, <<'END', $Pando::Token::TENANT, $PROBES{$db});
INSERT INTO probe.probes (id, tenant_id, name, note, amount, created_at)
SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ?,
       'probe ' || n, 'a note of some words', n % 1000,
       timestamptz '2026-01-01 00:00Z' + n * interval '1 second'
  FROM generate_series(1, ?) AS n
END
    $s->sql($db, 'vacuum (analyze)');
}


# Ids of probes spread over the table.
sub probes
{
    my ($s, $db) = @_;
    return map { probe($PROBES{$db} * $_ / $IDS) } 1 .. $IDS;
}


sub probe { return sprintf '01900000-0000-7000-8000-%012x', $_[0] }


# Categories as the route makes them: a tree of three levels, eight each; those
# read are leaves; made once.
sub categories
{
    my ($s, $p) = @_;

    return @{ $s->{categories} } if $s->{categories};

    my $token = $p->token(scope => 'categories:write categories:admin');
    my $add = sub {
        my ($path, $body) = @_;
        my $r = $p->post("/api/v1/$path", $body, token => $token);
        $r->{status} == 201 or die "POST $path: $r->{status} $r->{body}\n";
        return $r->json->{id};
    };
    my $taxonomy = $add->(taxonomies => { key => 'bench', subject => 'place',
        name => 'What is measured' });
    my @level = (undef);
    my $n = 0;

    for my $depth (1 .. 3) {
        my @next;

        for my $parent (@level) {
            push @next, map { $add->(categories => {
                taxonomy_id => $taxonomy, parent_id => $parent,
                name => 'Category ' . ++$n, color => '#336699' }) } 1 .. 8;
        }

        @level = @next;
    }

    $s->sql('small', 'vacuum (analyze)');
    $s->{taxonomy} = $taxonomy;
    $s->{categories} = [ @level[map { $_ * @level / $IDS } 0 .. $IDS - 1] ];
    return @{ $s->{categories} };
}


# nginx as in conf/nginx.conf, but for the log and the limits of one client.
# Settings: name, domains, connections, listen, main, http, server, database (its
# options).
sub pando
{
    my ($s, $db, %set) = @_;
    my $name = $set{name} // $db;

    $s->database($db);
    return $s->{nginx}{$name} if $s->{nginx}{$name};

    my $conninfo = $s->conninfo($db);
    my ($main, $http, $server, $listen, $more) =
        map { $_ // '' } @set{qw(main http server listen database)};
    my $connections = $set{connections} // 8192;
    my $user = $> == 0 ? 'user root;' : '';
    my $domains = $set{domains} // [qw(categories probe toil)];
    my $locations = join "\n", map { Pando::snippet($_) } @$domains;

    return $s->{nginx}{$name} = Pando->new(domains => $domains,
        workers => 2, database => $conninfo, conf => <<"END");
MODULES
$user
worker_processes  2;
pid               DIR/nginx.pid;
error_log         DIR/error.log notice;
thread_pool       default threads=4 max_queue=1024;
$main

events {
    worker_connections  $connections;
}

http {
    access_log                 off;
    sendfile                   on;
    tcp_nopush                 on;
    keepalive_requests         10000;
    client_body_buffer_size    1m;
    reset_timedout_connection  on;
    gzip                       on;
    gzip_types                 application/json;
    client_body_temp_path      DIR/tmp/body;
    proxy_temp_path            DIR/tmp/proxy;
    fastcgi_temp_path          DIR/tmp/fastcgi;
    uwsgi_temp_path            DIR/tmp/uwsgi;
    scgi_temp_path             DIR/tmp/scgi;

    pando_database  default "$conninfo" reads=1 writes=8 $more;
    pando_secret    DIR/secret;
    pando_issuer    $Pando::Token::ISSUER
                    audience=$Pando::Token::AUDIENCE keys=DIR/keys.json;
    pando_tenant    $Pando::Token::TENANT;
    @{[ Pando::knows('pando_redis')
        ? "pando_redis default unix:$s->{dir}/redis/redis.sock;" : '' ]}
    $http

    server {
        listen  127.0.0.1:PORT $listen;
        $locations

        $server

        location = /bench/idle    { return 200 "idle"; }
        location = /bench/status  { stub_status; }
    }
}
END
}


# nginx with Nchan, where Debian's package is there: a channel that all hear.
sub nchan
{
    my ($s, $connections) = @_;
    my ($module) = grep { -e } '/usr/lib/nginx/modules/ngx_nchan_module.so';
    my $user = $> == 0 ? 'user root;' : '';

    return if !$module;
    return $s->{nginx}{nchan} //= Pando->new(domains => [], workers => 2,
        database => $s->conninfo('small'), conf => <<"END");
load_module $module;
$user
worker_processes      2;
worker_rlimit_nofile  20000;
pid                   DIR/nginx.pid;
error_log             DIR/error.log notice;

events {
    worker_connections  $connections;
}

http {
    access_log             off;
    client_body_temp_path  DIR/tmp/body;
    proxy_temp_path        DIR/tmp/proxy;
    fastcgi_temp_path      DIR/tmp/fastcgi;
    uwsgi_temp_path        DIR/tmp/uwsgi;
    scgi_temp_path         DIR/tmp/scgi;

    server {
        listen  127.0.0.1:PORT reuseport;

        location = /ws   { nchan_subscriber websocket; nchan_channel_id all; }
        location = /pub  { nchan_publisher; nchan_channel_id all; }
    }
}
END
}


# Who serves sockets: its port, who says which processes serve, and files of
# what the client sends: its handshake, its first words, the request to publish.
sub talks
{
    my ($s, $name, $n) = @_;
    my $tenant = $Pando::Token::TENANT;
    my $channel = "tenant:$tenant:all";
    my ($port, $pids, $ws, $pub, $hello, $as) = (undef, undef, '/ws', '/pub', '', '');
    my $body = 'the-mark and a little more';

    if ($name eq 'pando') {
        my $p = $s->pando('small', name => 'sockets', domains => ['realtime'],
            connections => 16384, main => 'worker_rlimit_nofile 20000;',
            http => "pando_set realtime.connections 100000;", listen => 'reuseport');
        my $token = $p->token(scope => 'realtime:read realtime:write');

        ($port, $pids) = ($p->{port}, sub { $p->worker_pids });
        ($ws, $pub) = ('/api/v1/realtime/ws', '/api/v1/realtime/publish');
        $as = "Authorization: Bearer $token\r\nContent-Type: application/json\r\n";
        $hello = qq({"id":1,"type":"subscribe","channel":"$channel"});
        $body = qq({"channel":"$channel","data":"$body"});

    } elsif ($name eq 'nchan') {
        my $p = $s->nchan(16384) or return;
        ($port, $pids) = ($p->{port}, sub { $p->worker_pids });

    } else {
        $port = $s->{peers}->start($name) // return;
        my $pid = $s->{peers}{pid}{$name};
        $pids = sub { split ' ', qx(pgrep -P $pid) };
    }

    return ($port, $pids, map { $s->file("$name.$_->[0]", $_->[1]) }
        [ shake => "GET $ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            . "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n$as\r\n" ],
        [ hello => $hello ],
        [ publish => "POST $pub HTTP/1.1\r\nHost: bench\r\n$as"
            . 'Content-Length: ' . length($body) . "\r\n\r\n$body" ]);
}


# The client of many WebSockets.
sub sockets
{
    my ($s) = @_;
    my $client = "$s->{dir}/sockets";
    my $source = dirname(__FILE__) . '/sockets.c';

    system(qw(gcc -std=gnu11 -O2 -Wall -Wextra -Werror -o), $client, $source) == 0
        or die "bench: the client of sockets is not built\n";
    return $client;
}


# Requests that nginx is at, this one among them.
sub writing
{
    my ($s, $p) = @_;
    return Load::get($p->{port}, '/bench/status') =~ /Writing: (\d+)/ && $1;
}


# Ends what runs in a database.
sub cut
{
    my ($s, $db) = @_;

    $s->sql($db, 'select count(pg_terminate_backend(pid))'
        . ' from pg_stat_activity where datname = current_database()'
        . ' and pid <> pg_backend_pid()');
}


# The cursor of the page in the middle.  A page says the cursor of the next
# one: here the first of three probes has the middle's number but for its last
# digit, and the second is the one in the middle.
sub deep_cursor
{
    my ($s, $p, $db) = @_;
    my $number = substr int($PROBES{$db} / 2), 0, -1;
    my $r = $p->get("/api/v1/probes?limit=2&prefix=probe%20$number",
                    token => { scope => 'probe:read' });

    return $r->json->{next} // die "bench: no cursor: $r->{body}\n";
}


# A file of the run's own.
sub file
{
    my ($s, $name, $text) = @_;
    my $path = "$s->{dir}/$name";

    CORE::open my $out, '>:utf8', $path or die "$path: $!\n";
    print $out $text;
    CORE::close $out or die "$path: $!\n";
    return $path;
}

1;
