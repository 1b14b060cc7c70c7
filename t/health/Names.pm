# A name server of the tests: every name is what the test says just now.
#
#   my $dns = Names->new;
#   $dns->are('127.0.0.1');             # or several, or none
#   ... "resolver 127.0.0.1:" . $dns->port . " valid=1s ipv6=off;"

package Names;

use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();

my $owner = $$;
my @all;


sub new
{
    my ($class) = @_;
    my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
        or die "udp: $!\n";
    my $s = bless { file => tempdir(CLEANUP => 1) . '/names', port => $socket->sockport }, $class;

    $s->are;
    push @all, $s->{pid} = fork // die "fork: $!\n";
    return $s if $s->{pid};

    $SIG{$_} = 'DEFAULT' for qw(TERM INT);
    while (1) {
        defined $socket->recv(my $in, 512) or next;
        $socket->send($s->answer($in));
    }
}


sub answer
{
    my ($s, $in) = @_;
    my ($id, $question) = unpack 'a2 x10 a*', $in;
    my $end = index($question, "\0") + 5;
    my $type = unpack 'n', substr $question, $end - 4, 2;

    open my $f, '<', $s->{file} or die "$s->{file}: $!\n";
    my @found = $type == 1 ? map { inet_aton($_) } split ' ', <$f> : ();

    return $id . pack('n5', 0x8180, 1, scalar @found, 0, 0) . substr($question, 0, $end)
        . join '', map { pack 'n n n N n a4', 0xc00c, 1, 1, 0, 4, $_ } @found;
}


sub port { $_[0]{port} }


sub are
{
    my ($s, @addresses) = @_;

    open my $f, '>', "$s->{file}.new" or die "$s->{file}: $!\n";
    print $f "@addresses\n";
    close $f;
    rename "$s->{file}.new", $s->{file} or die "$s->{file}: $!\n";
}


END { kill 'TERM', grep { $_ } @all if $$ == $owner }

1;
