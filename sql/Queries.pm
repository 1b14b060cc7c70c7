#
# SPDX-License-Identifier: BSD-2-Clause
#
# Queries: reads a domain's named queries and holds them to the house's rules.
#
# compile.pl makes C of what it returns and t/root/queries.t compares it with
# a migrated database.  compile.pl's opening says how a query is written.
#
# What must stay true: a value never becomes part of a statement's text; a
# statement on a tenant's table binds :tenant, which the runtime fills (as it
# does :user), or says why it goes across tenants; a domain touches its own
# schema and the root's.  What breaks a rule dies with "file:line: sentence".

package Queries;

use strict;
use warnings;

# The type as written: C type, OID, how an argument is set, a column is read.
our %TYPE = (
    uuid        => [ 'pando_uuid_t', 2950, 'uuid',   'uuid'   ],
    timestamptz => [ 'pando_time_t', 1184, 'time',   'time'   ],
    bigint      => [ 'int64_t',      20,   'int',    'int'    ],
    int         => [ 'int32_t',      23,   'int4',   'int'    ],
    bool        => [ 'bool',         16,   'bool',   'bool'   ],
    float8      => [ 'double',       701,  'number', 'number' ],
    bytea       => [ 'const void *', 17,   'bytes',  undef    ],
    'uuid[]'    => [ 'const pando_uuid_t *',  2951, 'uuids', undef ],
    'text[]'    => [ 'const char *const *',   1009, 'texts', undef ],
    'bigint[]'  => [ 'const int64_t *',       1016, 'ints',  undef ],
    money       => [ 'pando_money_t', undef, undef, 'money' ],
    map { $_->[0] => [ 'const char *', $_->[1], 'text', 'text' ] }
        [ text => 25 ], [ jsonb => 3802 ], [ json => 114 ],
        [ numeric => 1700 ], [ date => 1082 ], [ time => 1083 ],
        [ interval => 1186 ], [ inet => 869 ], [ tstzrange => 3910 ],
        [ daterange => 3912 ], [ xid8 => 5069 ],
);
my %ALIAS = (integer => 'int', int4 => 'int', int8 => 'bigint',
    boolean => 'bool', decimal => 'numeric', double => 'float8');

my %TAKEN = map { $_ => 1 } qw(tx rq args rows row i n auto bool break case
    char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static
    struct switch typedef union unsigned void volatile while true false);

my $WRITES = qr/^(?:insert|update|delete|merge|emit|claim_key|keep_reply
    |nextval|setval|set_config|pg_notify|pg_(?:try_)?advisory\w*)$/x;
my $RUNS_TEXT = qr/^(?:(?:query|cursor|table|schema|database)_to_xml\w*
    |dblink\w*|execute|ts_stat)$/xi;
my $MARKS = qr/^(?:after|order|limit|keys)$/;


sub refuse
{
    my ($where, $sentence) = @_;

    die "$where->{file}:$where->{line}: $sentence\n";
}


# SQL as tokens [kind, text, line]: comments are dropped, quotes kept whole.
sub scan
{
    my ($sql, $file, $line) = @_;
    my ($comment, @tokens);

    $comment = qr{(/\*(?:[^*/]|\*(?!/)|/(?!\*)|(?-1))*\*/)};

    while ($sql =~ m{\G(?:
          (?<space>  \s+ | --[^\n]* | $comment )
        | (?<string> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*'
                     | (\$(?:[A-Za-z_]\w*)?\$).*?\g{-1} )
        | (?<name>   "(?:[^"]|"")*" )
        | (?<param>  (?<![:\w]):[A-Za-z_]\w* )
        | (?<word>   [A-Za-z_\x80-\xff][\w\$\x80-\xff]* )
        | (?<other>  :: | \|\| | \d[\w.]* | \$\d+ | . )
        )}xsgc)
    {
        my ($kind) = keys %+;
        my $text = $+{$kind};

        refuse({ file => $file, line => $line },
            'a quote or a comment is opened here and not closed')
            if $kind eq 'other' && ($text =~ /^['"]$/
               || $text eq '/' && substr($sql, pos $sql, 1) eq '*');

        push @tokens, [ $kind, $text =~ m{^(?:--|/\*)} ? ' ' : $text, $line ];
        $line += $text =~ tr/\n//;
    }

    return @tokens;
}


# "a uuid, b text?" as [{ name, type, null }].
sub typed
{
    my ($list, $q, $what) = @_;
    my (@members, %seen);

    for my $item (split /\s*,\s*/, $list) {
        my ($name, $type, $null) =
            $item =~ /^\s*([a-z_]\w*)\s+([a-z]\w*(?:\[\])?)(\?)?\s*$/
            or refuse($q, "\"$item\" is not written as: name type");

        $type = $ALIAS{$type} // $type;

        refuse($q, "the type $type of $name is not known") if !$TYPE{$type};
        refuse($q, "$name is named twice") if $seen{$name}++;
        refuse($q, "$name is a word of C or of the generated function:"
               . ' give it another name') if $TAKEN{$name};
        refuse($q, "$name is bound by the runtime and is not an argument")
            if $what eq 'argument' && $name =~ /^(?:tenant|user)$/;
        refuse($q, "$name: a $type cannot be an argument")
            if $what eq 'argument' && !$TYPE{$type}[2];
        refuse($q, "$name: a $type cannot be read back: select it as text"
               . ' or as JSON') if $what ne 'argument' && !$TYPE{$type}[3];

        push @members, { name => $name, type => $type, null => $null ? 1 : 0 };
    }

    return \@members;
}


# The opening comment of a query.
sub opened
{
    my ($q, $mark, $rest) = @_;

    if ($mark eq 'name') {
        my ($name, $args, $gives, $struct) = $rest =~
            /^([a-z]\w*)\s*\((.*)\)\s*->\s*([a-z]\w*\??)(?:\s+([a-z]\w*))?$/s
            or refuse($q, 'a query opens with: -- name: verb(argument type,'
                      . ' ...) -> result');

        ($q->{null}, $q->{name}) = ($gives =~ s/\?$// ? 1 : 0, $name);
        $gives = $ALIAS{$gives} // $gives;
        $q->{args} = typed($args, $q, 'argument');

        refuse($q, "-> $gives: there is no such result")
            if $gives !~ /^(?:rows?|json|none|affected|page)$/
               && !($TYPE{$gives} && $TYPE{$gives}[3]) || $gives eq 'money';
        refuse($q, "-> $gives has no ?")
            if $q->{null} && $gives =~ /^(?:rows|none|affected|page)$/;
        refuse($q, "-> $gives has no struct") if $struct && $gives !~ /^row/;

        $q->{gives} = $gives;
        $q->{struct} = ($struct // "$q->{domain}_sql_${name}_row") . '_t'
            if $gives =~ /^rows?$/;

    } elsif ($mark eq 'row') {
        push @{ $q->{row} }, @{ typed($rest, $q, 'member') };

    } elsif ($mark eq 'lane') {
        ($q->{lane}) = $rest =~ /^(reads|writes|slow)$/
            or refuse($q, 'a lane is reads, writes or slow');

    } elsif ($mark eq 'across tenants') {
        $q->{across} = $rest =~ /\w/ ? $rest
            : refuse($q, 'across tenants: say why');

    } elsif ($mark eq 'sort') {
        push @{ $q->{sorts} }, sorted($q, $rest);

    } else {
        refuse($q, "\"-- $mark:\" is not a mark of a query");
    }
}


sub sorted
{
    my ($q, $rest) = @_;
    my ($sort, $list) = $rest =~ /^(-?[a-z]\w*)\s*=\s*(\S.*)$/s
        or refuse($q, 'a sort is: -- sort: name = column type [desc], ...');
    my @keys;

    for my $key (split /\s*,\s*(?![^()]*\))/, $list) {
        my ($column, $type, $order) =
            $key =~ /^(\S.*?)\s+([a-z]\w*)(?:\s+(asc|desc))?$/i
            or refuse($q, "the key \"$key\" is not: column type [desc]");

        $type = $ALIAS{$type} // $type;
        refuse($q, "the type $type of the key $column is not known")
            if !$TYPE{$type} || !$TYPE{$type}[1];

        push @keys, { column => $column, type => $type,
                      desc => lc($order // '') eq 'desc' ? 1 : 0 };
    }

    return { sort => $sort, keys => \@keys };
}


# A file as queries, each with its marks and its tokens.
sub queries
{
    my ($domain, $path, $file) = @_;
    my (@queries, $q, $name, $line, $text);

    open my $in, '<', $path or die "$path: $!\n";

    while (defined($text = <$in>)) {
        $line = $.;

        if ($text =~ /^--\s*name:\s*(.*?)\s*$/) {
            $name = $1;
            push @queries, $q = { domain => $domain, file => $file,
                line => $line, sql => '', body => $line };

            while ($name !~ /->/ && defined($text = <$in>)
                   && $text =~ /^--\s*(.*?)\s*$/)
            {
                $name .= " $1";
            }

            opened($q, name => $name);
            $q->{body} = $. + 1;

        } elsif ($q && $q->{sql} !~ /\S/ && $text =~ /^--/) {
            $q->{body}++;
            local $q->{line} = $line;

            if ($text =~ /^--\s*((?i:lane|row|sort|across tenants)
                          |[a-z]+(?:[ ][a-z]+)?):\s*(.*?)\s*$/x)
            {
                opened($q, lc $1, $2);

            } elsif ($text =~ /^--\s*(\S.*?)\s*$/) {
                push @{ $q->{note} }, $1;
            }

        } elsif ($q) {
            $q->{sql} .= $text;

        } elsif ($text =~ /^(?!--)\s*\S/) {
            refuse({ file => $file, line => $line },
                'a statement stands before the first "-- name:"');
        }
    }

    $_->{tokens} = [ scan($_->{sql}, $_->{file}, $_->{body}) ] for @queries;

    return @queries;
}


# What the migrations create: { "orders.lines" => { tenant, small } }.
sub tables
{
    my ($dir, @domains) = @_;
    my ($name, %tables) = qr/(\w+ \. \w+)/;

    for my $path (map { sort glob "$dir/$_/[0-9][0-9][0-9]_*.sql" } @domains) {
        my $sql = do { local (@ARGV, $/) = $path; <> };
        my @words = map { lc $_->[1] }
            grep { $_->[0] ne 'space' } scan($sql, $path, 1);

        for (split / ; /, join(' ', @words) . ' ; ') {
            my $tenant = / tenant_id /;
            my ($table) = /$name/ or next;

            if (/^create (?:\w+ )*?(?:table|view)\b/) {
                $tenant ||= / partition of $name/ && $tables{$1}{tenant};
                $tables{$table} //= { tenant => $tenant };
            } elsif (/^alter table .* rename to (\w+)/) {
                my $new = $1;
                my ($schema) = $table =~ /^(\w+)/;
                $tables{"$schema . $new"} = delete $tables{$table};
            } elsif (/^alter table .* add (?:column )?.*tenant_id /) {
                $tables{$table}{tenant} = 1;
            } elsif (/^drop (?:table|view)/) {
                delete $tables{$table};
            }
        }

        while ($sql =~ /^--[ ]small:[ ]\S.*\n(?:--.*\n)*
                        create[ ](?:\w+[ ])*?(\w+)\.(\w+)\s*\(/gimx)
        {
            $tables{lc "$1 . $2"}{small} = 1;
        }
    }

    $tables{'pando . migrations'} = { small => 1 };

    return { map { (my $t = $_) =~ tr/ //d; $t => $tables{$_} } keys %tables };
}


# The tables that a statement names, as [table, line].  One that is neither
# qualified nor of the statement's own WITH is refused: connections are shared
# and have no search path.
sub touched
{
    my ($q) = @_;
    my @t = map { [ $_->[0] eq 'word' ? lc $_->[1] : $_->[1], $_->[2] ] }
        grep { $_->[0] ne 'space' } @{ $q->{tokens} };
    my @at = map { $_->[0] } @t;
    my $plain = join ' ', @at;
    my (%with, @touched, @stack, $in);

    $with{$1} = 1 while $plain =~
        /(\w+)[ ](?:\([ ][\w ,]+[ ]\)[ ])?as[ ](?:(?:not[ ])?materialized[ ])?
         \([ ](?:select|insert|update|delete|merge|with|values)\b/gx;

    $in = { from => 0, want => '' };

    for (my $i = 0; $i < @t; $i++) {
        my ($w, $before, $next) = ($at[$i], $i ? $at[$i - 1] : '',
                                   $at[$i + 1] // '');

        if ($w eq '(') {
            my $sub = $next =~ /^(?:select|with|values|\()$/ ? 1 : 0;
            my $table = $in->{want} && !$sub ? 'from' : '';

            $in->{want} = '';
            push @stack, $in;
            $in = { want => $table, from => $table ? 1 : 0 };
            $in->{no} = 1 if $before =~
                /^(?:extract|substring|trim|overlay|position)$/;

        } elsif ($w eq ')') {
            $in = pop @stack // refuse($q, 'a parenthesis is not opened');

        } elsif ($w eq ',') {
            $in->{want} = $in->{from} ? 'from' : '';

        } elsif ($before eq '.') {
            next;

        } elsif ($w eq 'from' && !$in->{no} && $before ne 'rows'
                 && !($before eq 'distinct' && $at[$i - 2] =~ /^(?:is|not)$/)
                 || $w eq 'join' || $w eq 'table'
                 || $w eq 'using' && $next ne '(')
        {
            @$in{qw(from want)} = (1, 'from');

        } elsif ($w eq 'using' && ($at[$i + 2] // '') eq 'select') {
            $in->{from} = 1;

        } elsif ($w eq 'into' || $w eq 'update'
                 && $before !~ /^(?:for|key|do|on)$/)
        {
            $in->{want} = 'into';

        } elsif ($w =~ /^(?:where|group|order|limit|offset|fetch|having|for|set
                        |window|returning|union|intersect|except|select)$/x)
        {
            @$in{qw(from want)} = (0, '');

        } elsif ($in->{want} && $w !~ /^(?:only|lateral)$/) {
            my $call = $at[$i + ($next eq '.' ? 3 : 1)] // '';

            if ($call eq '(' && $in->{want} ne 'into' || $w eq 'rows') {
                $in->{want} = '';
            } elsif ($next eq '.') {
                push @touched, [ "$w.$at[$i + 2]", $t[$i][1] ];
            } elsif (!$with{$w}) {
                refuse({ %$q, line => $t[$i][1] },
                    "name the schema of the table $w");
            }

            $in->{want} = '';
        }

        refuse({ %$q, line => $t[$i][1] }, "$w.$at[$i + 2]() is another"
               . " schema's: a domain touches its own and the root's")
            if $next eq '.' && ($at[$i + 3] // '') eq '(' && $before ne 'into'
               && $w =~ /^\w+$/ && $w !~ /^(?:pando|pg_catalog|$q->{domain})$/;
    }

    return @touched;
}


# The rules that hold for every statement.
sub checked
{
    my ($q, $tables, $structs) = @_;
    my @t = grep { $_->[0] ne 'space' } @{ $q->{tokens} };
    my @words = map { lc $_->[1] } grep { $_->[0] eq 'word' } @t;
    my %declared = map { $_->{name} => $_ } @{ $q->{args} };
    my (%used, $tenants);

    refuse($q, "$q->{name} has no statement") if !@t;
    pop @t if $t[-1][1] eq ';';

    refuse($q, 'a query begins with SELECT, WITH, INSERT, UPDATE, DELETE,'
           . ' MERGE or VALUES') if ($words[0] // '') !~
        /^(?:select|with|insert|update|delete|merge|values)$/;

    for my $i (0 .. $#t) {
        my ($kind, $text, $line) = @{ $t[$i] };
        my $here = { %$q, line => $line };

        refuse($here, 'a query is one statement: there is a semicolon in it')
            if $text eq ';';
        refuse($here, "$text runs a text as SQL")
            if $kind eq 'word' && $text =~ $RUNS_TEXT;
        refuse($here, "$text: parameters are named, as in :id")
            if $text =~ /^\$\d/ && $kind eq 'other';

        if ($kind =~ /^(?:string|name)$/ && $text =~ /(?<![:\w]):(\w+)/
            && ($declared{$1} || $1 =~ /^(?:tenant|user)$/))
        {
            refuse($here, ":$1 stands inside quotes, where it is not a"
                   . ' parameter');
        }

        if ($kind eq 'param') {
            my $name = substr $text, 1;

            $used{$name} = 1;
            next if $name =~ /^(?:tenant|user)$/
                || $q->{gives} eq 'page' && $name =~ $MARKS;
            refuse($here, "$text is not an argument of $q->{name}")
                if !$declared{$name};
            refuse($here, "$text would become part of a pattern: wrap it as"
                   . " pando.like($text)") if pattern(\@t, $i);
        }
    }

    for my $arg (@{ $q->{args} }) {
        refuse($q, "the argument $arg->{name} is not used")
            if !$used{$arg->{name}};
    }

    for (touched($q)) {
        my ($table, $line) = @$_;
        my $here = { %$q, line => $line };
        my ($schema) = split /\./, $table;

        next if $q->{domain} eq 'pando' && $schema eq 'pg_catalog';
        refuse($here, "$table is another schema's: a domain touches its own"
               . " tables and the root's")
            if $schema ne $q->{domain} && $schema ne 'pando';
        refuse($here, "no migration creates $table") if !$tables->{$table};
        $tenants //= $table if $tables->{$table}{tenant};
    }

    refuse($q, "$tenants belongs to tenants and $q->{name} does not use"
           . ' :tenant; bind it, or say "-- across tenants: <reason>"')
        if $tenants && !$used{tenant} && !$q->{across};

    my $writes = grep { $_ =~ $WRITES } @words;
    $writes ||= join(' ', @words) =~ /\bfor (?:no key )?(?:update|key|share)\b/;

    refuse($q, "$q->{name} writes and cannot go by the lane reads")
        if $writes && ($q->{lane} // '') eq 'reads';
    $q->{lane} //= $writes || $words[0] !~ /^(?:select|with|values)$/
        ? 'writes' : 'reads';

    paged($q, \%used);
    agreed($q, $structs) if $q->{struct};
}


# Whether the parameter at $i is glued into a LIKE pattern.
sub pattern
{
    my ($t, $i) = @_;

    return 0 if ($t->[$i + 1][1] // '') ne '||'
                && ($i == 0 || $t->[$i - 1][1] ne '||');

    while ($i-- > 0 && $t->[$i][1] !~ /^(?:and|or|where|on|when|,)$/i) {
        return 1 if $t->[$i][1] =~ /^(?:i?like|similar)$/i;
    }

    return 0;
}


# A page has its four marks and at least one sort; others have neither.
sub paged
{
    my ($q, $used) = @_;
    my %seen;

    if ($q->{gives} ne 'page') {
        refuse($q, "$q->{name} is not a page and has no sort") if $q->{sorts};
        return;
    }

    refuse($q, "the page $q->{name} names no \"-- sort:\"") if !$q->{sorts};

    for my $mark (qw(keys after order limit)) {
        refuse($q, "the page $q->{name} does not use :$mark")
            if !$used->{$mark};
    }

    for my $sort (@{ $q->{sorts} }) {
        refuse($q, "the sort $sort->{sort} is named twice")
            if $seen{$sort->{sort}}++;
    }
}


# One struct has one typing in a domain.
sub agreed
{
    my ($q, $structs) = @_;
    my $row = $q->{row} or return;
    my $as = join ', ', map { "$_->{name} $_->{type}" . '?' x $_->{null} }
        @$row;
    my $known = $structs->{$q->{struct}} //= { row => $row, as => $as,
        name => $q->{struct}, first => "$q->{file}:$q->{line}" };

    refuse($q, "$q->{struct} is typed otherwise at $known->{first}")
        if $known->{as} ne $as;
}


# Parameters are counted from 1 in the order in which they are first used; a
# page's keys and limit come behind them.
sub numbered
{
    my ($q) = @_;
    my %declared = map { $_->{name} => $_ } @{ $q->{args} };
    my $n = 0;

    $q->{params} = [];

    for my $name (map { substr $_->[1], 1 }
                  grep { $_->[0] eq 'param' } @{ $q->{tokens} })
    {
        next if $q->{number}{$name}
            || $q->{gives} eq 'page' && $name =~ $MARKS;
        $q->{number}{$name} = ++$n;
        push @{ $q->{params} }, $declared{$name}
            // { name => $name, type => 'uuid', null => 0 };
    }

    refuse($q, "$q->{name} has $n parameters; a statement has at most 32")
        if $n > 32;
}


# The texts of a query: one, or two for each sort of a page.
sub texts
{
    my ($q) = @_;
    my @oids = map { $TYPE{$_->{type}}[1] } @{ $q->{params} };
    my $full = "$q->{domain}.$q->{name}";
    my @texts;

    if ($q->{gives} ne 'page') {
        return { id => $q->{name}, full => $full, sql => text($q),
                 oids => \@oids };
    }

    for my $sort (@{ $q->{sorts} }) {
        my @keys = @{ $sort->{keys} };
        my @types = map { $TYPE{$_->{type}}[1] } @keys;
        my $id = "$q->{name}_$sort->{sort}";

        $id = "$1_desc" if $id =~ s/_-/_/ && $id =~ /(.*)/;

        for my $which ('first', 'after') {
            my $m = @oids;
            my @at = map { '$' . ++$m } $which eq 'after' ? @keys : ();

            push @texts, { id => "${id}_$which", sort => $sort, which => $which,
                full => "$full/$sort->{sort}/$which",
                oids => [ @oids, $which eq 'after' ? @types : (),
                          $TYPE{bigint}[1] ],
                sql => text($q,
                    keys => join('', map { ", $_->{column}::text" } @keys),
                    order => join(', ', map { $_->{column}
                                    . ($_->{desc} ? ' DESC' : '') } @keys),
                    after => @at ? behind(\@keys, \@at) : 'true',
                    limit => '$' . ++$m) };
        }
    }

    return @texts;
}


sub text
{
    my ($q, %marks) = @_;
    my $sql = join '', map {
        $_->[0] ne 'param' ? $_->[1]
        : $marks{substr $_->[1], 1} // '$' . $q->{number}{substr $_->[1], 1}
    } @{ $q->{tokens} };

    return [ grep { /\S/ } map { s/\s+$//r }
             split /\n/, $sql =~ s/;\s*$//r ];
}


# What comes behind the row whose keys are given.  One direction is a row
# comparison; where they differ it is written out, with the first key's bound
# in front for the index.
sub behind
{
    my ($keys, $at) = @_;
    my @columns = map { $_->{column} } @$keys;
    my @than = map { $_->{desc} ? '<' : '>' } @$keys;

    if (!grep { $_ ne $than[0] } @than) {
        return sprintf '(%s) %s (%s)', join(', ', @columns), $than[0],
            join(', ', @$at);
    }

    my $rest = "$columns[-1] $than[-1] $at->[-1]";

    for my $i (reverse 0 .. $#columns - 1) {
        $rest = "($columns[$i] $than[$i] $at->[$i]"
            . " OR $columns[$i] = $at->[$i] AND $rest)";
    }

    return "($columns[0] $than[0]= $at->[0] AND $rest)";
}


# All of a domain: { queries, structs, tables }.
sub domain
{
    my ($dir, $domain) = @_;
    my (%seen, %structs);
    my @files = grep { !m{/(?:\d{3}_|demo)[^/]*$} } sort glob "$dir/$domain/*.sql";
    my @queries = map { queries($domain, $_, s{^\Q$dir\E/}{sql/}r) } @files;
    my $tables = tables($dir, 'pando', $domain eq 'pando' ? () : $domain);

    for my $q (@queries) {
        refuse($q, "$q->{name} is also at $seen{$q->{name}}")
            if $seen{$q->{name}};
        $seen{$q->{name}} = "$q->{file}:$q->{line}";
        checked($q, $tables, \%structs);
        numbered($q);
        $q->{texts} = [ texts($q) ];
    }

    for my $q (grep { $_->{struct} } @queries) {
        $q->{row} = ($structs{$q->{struct}} or refuse($q,
            "$q->{struct} is not typed: add \"-- row: name type, ...\""))->{row};
    }

    return { queries => \@queries, tables => $tables,
             structs => [ map { $_ ? $_ : () }
                          map { delete $structs{$_->{struct} // ''} }
                          @queries ] };
}

1;
