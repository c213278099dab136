// The chip with AXI between its pins, which a cocotb bench drives, and a monitor of its memory bus.
module axi_bench (
    input  logic        clk, rst, link_clk, link_rst,
    output logic        irq,

    input  logic        s_axi_awvalid, s_axi_wvalid, s_axi_bready, s_axi_arvalid, s_axi_rready,
    output logic        s_axi_awready, s_axi_wready, s_axi_bvalid, s_axi_arready, s_axi_rvalid,
    input  logic [11:0] s_axi_awaddr, s_axi_araddr,
    input  logic [31:0] s_axi_wdata,
    input  logic [3:0]  s_axi_wstrb,
    output logic [31:0] s_axi_rdata,
    output logic [1:0]  s_axi_bresp, s_axi_rresp,

    output logic        m_axi_awvalid, m_axi_wvalid, m_axi_bready, m_axi_arvalid, m_axi_rready,
    input  logic        m_axi_awready, m_axi_wready, m_axi_bvalid, m_axi_arready, m_axi_rvalid,
    output logic        m_axi_awid, m_axi_arid, m_axi_awlock, m_axi_arlock,
    output logic [63:0] m_axi_awaddr, m_axi_araddr,
    output logic [7:0]  m_axi_awlen, m_axi_arlen,
    output logic [2:0]  m_axi_awsize, m_axi_arsize, m_axi_awprot, m_axi_arprot,
    output logic [1:0]  m_axi_awburst, m_axi_arburst,
    output logic [3:0]  m_axi_awcache, m_axi_arcache, m_axi_awqos, m_axi_arqos,
    output logic [63:0] m_axi_wdata,
    output logic [7:0]  m_axi_wstrb,
    output logic        m_axi_wlast,
    input  logic        m_axi_bid, m_axi_rid,
    input  logic [1:0]  m_axi_bresp, m_axi_rresp,
    input  logic [63:0] m_axi_rdata,
    input  logic        m_axi_rlast,

    output logic        violation,
    output logic [31:0] splits, most_reads, open_reads, open_writes
);
    logic chip_rst, chip_link_rst;
    always @(posedge clk) chip_rst <= rst;
    always @(posedge link_clk) chip_link_rst <= link_rst;

    // IDs of answers: the chip gives all bursts the same, and does not look
    eyeriss_axi u_chip (.rst(chip_rst), .link_rst(chip_link_rst), .*);

    axi_monitor u_monitor (
        .clk(link_clk), .rst(chip_link_rst),
        .awvalid(m_axi_awvalid), .awready(m_axi_awready), .awaddr(m_axi_awaddr), .awlen(m_axi_awlen),
        .awsize(m_axi_awsize), .awburst(m_axi_awburst),
        .wvalid(m_axi_wvalid), .wready(m_axi_wready), .wdata(m_axi_wdata), .wstrb(m_axi_wstrb), .wlast(m_axi_wlast),
        .bvalid(m_axi_bvalid), .bready(m_axi_bready),
        .arvalid(m_axi_arvalid), .arready(m_axi_arready), .araddr(m_axi_araddr), .arlen(m_axi_arlen),
        .arsize(m_axi_arsize), .arburst(m_axi_arburst),
        .rvalid(m_axi_rvalid), .rready(m_axi_rready), .rlast(m_axi_rlast), .*
    );
endmodule
