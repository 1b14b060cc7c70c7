# Servers of others, which answer and misbehave as a test says:
#
#   my $web = Pando::Elsewhere->web(sub {
#       my ($s, $rq) = @_;          # a socket; method, path, headers, body
#       $s->print("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
#   });
#   $web->port; $web->connections; $web->requests; $web->stop;
#
# Each connection has a process of its own, which ends when the handler says
# so by returning 'close'.  They all end with the test.

package Pando::Elsewhere;

use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 ();
use POSIX ();
use Socket ();

my $owner = $$;
my @all;


# Options: host (127.0.0.1), port, tls (certificate and key, two files).
sub web
{
    my ($class, $handler, %opt) = @_;
    return $class->serve(sub { web_connection($handler, @_) }, %opt);
}


# A handler that is given each connection as it is: ($socket, $log).
sub serve
{
    my ($class, $handler, %opt) = @_;
    my $s = bless { log => tempdir(CLEANUP => 1) . '/log', %opt }, $class;
    my $socket = IO::Socket::INET->new(Listen => 256, ReuseAddr => 1,
        LocalAddr => $opt{host} // '127.0.0.1', LocalPort => $opt{port} // 0)
        or die "listen: $!\n";

    $s->{port} = $socket->sockport;
    $s->{pid} = fork // die "fork: $!\n";
    push @all, $s;
    return $s if $s->{pid};

    setpgrp;
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';
    $SIG{$_} = 'DEFAULT' for qw(TERM INT);

    while (1) {
        my $c = $socket->accept or next;
        $s->note({ connection => 1 });
        my $pid = fork // next;
        close $c, next if $pid;

        close $socket;
        $c = secure($c, @{ $opt{tls} }) if $opt{tls};
        $handler->($c, sub { $s->note(@_) }) if $c;
        close $c if $c;
        POSIX::_exit(0);
    }
}


sub secure
{
    my ($c, $cert, $key) = @_;

    require IO::Socket::SSL;
    return IO::Socket::SSL->start_SSL($c, SSL_server => 1,
        SSL_cert_file => $cert, SSL_key_file => $key);
}


sub web_connection
{
    my ($handler, $c, $note) = @_;
    my ($in, $n) = ('', 0);

    while (1) {
        while ($in !~ /\r\n\r\n/) {
            sysread $c, $in, 65536, length $in or return;
            return $c->print(answer(400, 'no HTTP')) if $in =~ /\A[^A-Z]/;
        }

        $in =~ s/\A(\S+) (\S+) HTTP\/1\.[01]\r\n(.*?)\r\n\r\n//s
            or return;
        my %rq = (method => $1, path => $2, n => ++$n, headers => {});

        for (split /\r\n/, $3) {
            my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;
            $rq{headers}{lc $name} = $value;
        }

        my $length = $rq{headers}{'content-length'} // 0;

        while (length $in < $length) {
            sysread $c, $in, 65536, length $in or return;
        }

        $rq{body} = substr $in, 0, $length, '';
        $note->({ %rq, body => length $rq{body} > 1000 ? 'long' : $rq{body} });
        return if ($handler->($c, \%rq) // '') eq 'close';
    }
}


# An answer of that status, headers and body, as bytes.
sub answer
{
    my ($status, $body, %headers) = @_;
    my $text = "HTTP/1.1 $status Whatever\r\n";

    $headers{'Content-Length'} //= length $body;
    $text .= "$_: $headers{$_}\r\n" for grep { defined $headers{$_} }
        sort keys %headers;
    return "$text\r\n$body";
}


sub note
{
    my ($s, $what) = @_;

    my $line = JSON::PP->new->canonical->encode($what);

    # bytes that are no text are kept byte by byte
    $line = JSON::PP->new->canonical->ascii->encode($what) unless utf8::decode(my $copy = $line);
    open my $out, '>>', $s->{log} or return;
    syswrite $out, "$line\n";
}


# What was noted since it started, or since forget().
sub notes
{
    my ($s) = @_;

    open my $in, '<', $s->{log} or return;
    return map { JSON::PP::decode_json($_) } <$in>;
}


sub forget      { unlink $_[0]{log}; $_[0] }
sub port        { $_[0]{port} }
sub connections { scalar grep { $_->{connection} } $_[0]->notes }
sub requests    { grep { $_->{method} } $_[0]->notes }


# Certificates: an authority of one's own, and what it (or nobody) says of a
# name or an address for so many days; less than 0 have passed.  Each is a
# list of two files, certificate and key.
sub authority
{
    my ($class, $dir) = @_;
    return certify($dir, 'authority', days => 30, CA => 1,
                   subject => { commonName => 'Authority' });
}


sub certificate
{
    my ($class, $dir, $name, $days, $ca) = @_;
    my $kind = $name =~ /^[\d.]+$/ ? 'IP' : 'DNS';

    require IO::Socket::SSL::Utils;
    return certify($dir, "$name.$days", days => $days,
        subject => { commonName => $name },
        subjectAltNames => [[ $kind, $name ]],
        $ca ? (issuer => [
            IO::Socket::SSL::Utils::PEM_file2cert($ca->[0]),
            IO::Socket::SSL::Utils::PEM_file2key($ca->[1]) ]) : ());
}


sub certify
{
    my ($dir, $file, %what) = @_;
    my @pair = ("$dir/$file.pem", "$dir/$file.key");

    require IO::Socket::SSL::Utils;
    my $days = delete $what{days};
    my ($cert, $key) = IO::Socket::SSL::Utils::CERT_create(%what,
        not_before => time - 86400 * 10, not_after => time + 86400 * $days);
    IO::Socket::SSL::Utils::PEM_cert2file($cert, $pair[0]);
    IO::Socket::SSL::Utils::PEM_key2file($key, $pair[1]);
    return \@pair;
}


# A mail server.  It notes every line and, as `message`, every mail; it answers
# a recipient whose name begins with a code with that code.  Options: greeting,
# mail, data, taken (an answer, 'hang' or 'close', or a sub that says which of
# them; taken's is given the mail), tls (a certificate: for
# STARTTLS, at once with smtps), smtps, password.
sub mail
{
    my ($class, %opt) = @_;
    my $tls = delete $opt{tls};

    return $class->serve(sub { mail_connection(@_, { tls => $tls, %opt }) },
                         $opt{smtps} ? (tls => $tls) : ());
}


sub mail_connection
{
    my ($c, $note, $how) = @_;
    my ($secure, $said) = ($how->{smtps}, 0);
    my $say = sub {
        my ($what, @of) = @_;
        $what = $what->(@of) if ref $what;
        sleep 60 if $what eq 'hang';
        POSIX::_exit(0) if $what eq 'close' || $what eq 'hang';
        $c->print("$what\r\n");
    };

    $say->($how->{greeting} // '220 mail.test is ready');

    while (defined(my $line = $c->getline)) {
        $line =~ s/\r\n\z//;
        $note->({ line => $line });

        if ($line =~ /^EHLO/) {
            $say->('250-mail.test') ;
            $say->('250-STARTTLS') if $how->{tls} && !$secure;
            $say->('250-AUTH PLAIN') if $how->{password};
            $say->('250 SIZE 1000000');
        } elsif ($line eq 'STARTTLS') {
            $say->('220 go on');
            $c = secure($c, @{ $how->{tls} }) or return;
            $secure = 1;
        } elsif ($line =~ /^AUTH PLAIN(?: (.*))?/) {
            my $text = $1;
            $say->('334 '), $text = $c->getline unless defined $text;
            my (undef, $user, $password) = split /\0/,
                MIME::Base64::decode_base64($text);
            $say->($password eq $how->{password} ? '235 welcome'
                   : '535 5.7.8 who are you');
        } elsif ($line =~ /^MAIL FROM/) {
            $say->($how->{mail} // '250 2.1.0 a sender');
        } elsif ($line =~ /^RCPT TO:<(\d{3})/) {
            $say->("$1-more to be said\r\n$1 5.1.1 as was asked for");
        } elsif ($line =~ /^RCPT TO/) {
            $say->('250 2.1.5 a recipient');
        } elsif ($line eq 'DATA') {
            $say->($how->{data} // '354 go on');
            my $text = '';
            while (!$how->{data} && defined(my $l = $c->getline)) {
                last if $l eq ".\r\n";
                $text .= $l;
            }
            $note->({ message => $text });
            $say->($how->{taken} // '250 2.0.0 taken as 1', $text);
        } elsif ($line eq 'QUIT') {
            $say->('221 bye');
            return;
        } else {
            $say->('250 2.0.0 whatever');
        }
    }
}


# A name server for nginx's resolver: $dns->say(name => [addresses]), where
# an address that is 'silence' is never answered, and one that begins with
# 'txt ' is a text; what is not said is no name.
# Answers may not be remembered for longer than a second.
sub dns
{
    my ($class) = @_;
    my $s = bless { log => tempdir(CLEANUP => 1) . '/log' }, $class;
    my $socket = IO::Socket::INET->new(Proto => 'udp',
        LocalAddr => '127.0.0.1', LocalPort => 0) or die "udp: $!\n";

    $s->{port} = $socket->sockport;
    $s->say;
    $s->{pid} = fork // die "fork: $!\n";
    push @all, $s;
    return $s if $s->{pid};

    setpgrp;
    $SIG{$_} = 'DEFAULT' for qw(TERM INT);

    while (1) {
        my $from = $socket->recv(my $query, 4096) or next;
        my $answer = $s->dns_answer($query) // next;
        $socket->send($answer, 0, $from);
    }
}


sub say
{
    my ($s, %names) = @_;

    $s->{names} = { %{ $s->{names} // {} }, %names };
    open my $out, '>', "$s->{log}.new" or die "$s->{log}: $!\n";
    print $out JSON::PP::encode_json($s->{names});
    close $out;
    rename "$s->{log}.new", "$s->{log}.names" or die "rename: $!\n";
    return $s;
}


sub dns_answer
{
    my ($s, $query) = @_;
    my ($id, @labels) = unpack 'n', $query;
    my $at = 12;

    while (my $n = ord substr $query, $at, 1) {
        push @labels, substr $query, $at + 1, $n;
        $at += $n + 1;
    }

    my $name = lc join '.', @labels;
    my $type = unpack 'n', substr $query, $at + 1, 2;
    open my $in, '<', "$s->{log}.names" or return;
    my $all = JSON::PP::decode_json(<$in>)->{$name};
    my $data = '';
    my $n = 0;

    $s->note({ name => $name, type => $type });
    return if grep { $_ eq 'silence' } @{ $all // [] };

    for my $address (@{ $all // [] }) {
        my $six = $address =~ /^[^ ]*:/;

        if ($address =~ /^txt (.*)/s) {
            next if $type != 16;
            my $text = join '', map { pack 'C/a*', $_ } unpack '(a255)*', $1;
            $data .= pack 'n n n N n a*', 0xc00c, 16, 1, 1, length $text, $text;
            $n++;
            next;
        }

        next if $type != ($six ? 28 : 1);
        my $bytes = Socket::inet_pton($six ? Socket::AF_INET6()
                                           : Socket::AF_INET(), $address);
        $data .= pack 'n n n N n a*', 0xc00c, $type, 1, 1, length $bytes,
            $bytes;
        $n++;
    }

    return pack('n n n n n n', $id, $all ? 0x8180 : 0x8183, 1, $n, 0, 0)
        . substr($query, 12, $at + 5 - 12) . $data;
}


# With every connection that it has.
sub stop
{
    my ($s) = @_;

    kill 'KILL', -$s->{pid}, $s->{pid} if $s->{pid};
    waitpid delete $s->{pid}, 0 if $s->{pid};
    return $s;
}


END {
    my $status = $?;
    if ($$ == $owner) { $_->stop for @all }
    $? = $status;
}

1;
