# A reply: { status, reason, headers, body }, read from the bytes that came.
# Where they do not make one, status is 0 and `raw` holds what there was.

package Pando::Reply;

use strict;
use warnings;

use JSON::PP;


sub new
{
    my ($class, $raw, $method) = @_;
    my $r = bless { status => 0, reason => '', headers => {}, body => '',
                    raw => $raw, cut => 0 }, $class;

    $raw =~ s/\AHTTP\/1\.1 1\d\d .*?\r\n\r\n//s;
    $raw =~ s/\AHTTP\/[\d.]+ (\d+) ?(.*?)\r\n(.*?)\r\n\r\n//s or return $r;
    @$r{qw(status reason)} = ($1, $2);

    for (split /\r\n/, $3) {
        my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;
        push @{ $r->{headers}{lc $name} }, $value;
    }

    my $length = $r->header('Content-Length');

    if (lc($r->header('Transfer-Encoding') // '') eq 'chunked') {
        $r->{body} = $r->unchunk(\$raw);
    } elsif (defined $length) {
        $r->{body} = substr $raw, 0, $length, '';
        $r->{cut} = 1 if length $r->{body} < $length
            && ($method // '') ne 'HEAD' && $r->{status} != 304;
    } else {
        ($r->{body}, $raw) = ($raw, '');
    }

    $r->{rest} = $raw;
    return $r;
}


sub unchunk
{
    my ($r, $raw) = @_;
    my $body = '';

    while ($$raw =~ s/\A([0-9a-fA-F]+)[^\r\n]*\r\n//) {
        my $n = hex $1;

        if ($n == 0) {
            $$raw =~ s/\A(?:[^\r\n]+\r\n)*\r\n//;
            return $body;
        }

        $body .= substr $$raw, 0, $n, '';
        $$raw =~ s/\A\r\n//;
    }

    $r->{cut} = 1;
    return $body;
}


# One header; all of them, where it came several times, in list context.
sub header
{
    my ($r, $name) = @_;
    my $all = $r->{headers}{lc $name} // [];

    return wantarray ? @$all : $all->[0];
}


sub json
{
    my ($r) = @_;
    return eval { JSON::PP->new->utf8->allow_nonref->decode($r->{body}) };
}

1;
